"""Memory given back: what many connections took, and glibc's allocator would keep, in pieces, for the next ones.

It holds up who allocates meanwhile, about 0.1 ms for each MiB; hence seldom, and only when many have left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FEWEST = 100
"""Connections that there must have been: what fewer of them took is not worth a look at all that was freed."""

PAUSE = 10.0
"""Seconds between two trims, at least."""


class Trimmer:
    """Decides when freed memory goes back to the system, from how many connections are open."""

    def __init__(self, trim: Callable[[], object] | None = None) -> None:
        """`trim` does it; without, that is glibc's, where there is glibc."""
        self._trim = trim or _malloc_trim
        self._peak = 0
        self._before = 0
        self._earliest = 0.0

    def step(self, connections: int, most: int, now: float) -> None:
        """Look at how many connections are open, and how many were at most since the step before.

        `now` is in seconds, of any clock that goes on.
        """
        self._peak = max(self._peak, most)
        # While many are leaving, more is about to be freed.
        leaving = (self._before - connections) * 10 > self._peak
        self._before = connections
        if self._peak < FEWEST or connections * 2 >= self._peak or leaving or now < self._earliest:
            return
        self._peak = connections
        self._earliest = now + PAUSE
        self._trim()


def _malloc_trim() -> None:
    # Late, since most gateways start long before they need it.
    import ctypes  # noqa: PLC0415

    # Of malloc_trim(3), which musl does not have. Called without the GIL, and holding one arena's lock at a time.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
