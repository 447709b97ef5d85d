"""When the next fetch of a credential is due. Time and chance are handed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

EARLIEST, LATEST = 0.6, 0.8
"""The shares of what is left of a credential's life after which it is fetched anew, one between them by chance."""

SHORTEST = 5.0
"""Seconds between two fetches that succeed, at least: an issuer may hand out what it has until near its end."""

STEADY = 300.0
"""Seconds after which a credential without an end is looked at again, since a file may hold another."""

LONGEST = 3600.0
"""Seconds between two fetches, at most: what a cloud has withdrawn is noticed."""

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds before a fetch that failed is tried again: the first, and what doubling stops at."""


class Schedule:
    """Of one source. `chance` gives numbers from 0 to 1."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._wait = FIRST_WAIT

    def succeeded(self, now: float, expires: float | None) -> float:
        """Seconds until the next fetch, after one that gave what expires at `expires`."""
        self._wait = FIRST_WAIT
        share = EARLIEST + (LATEST - EARLIEST) * self._chance()
        if expires is None:
            return STEADY * share
        return min(max((expires - now) * share, SHORTEST), LONGEST)

    def failed(self) -> float:
        """Seconds until the next fetch, after one that failed; shortened by chance, by half at most."""
        wait = self._wait
        self._wait = min(2 * wait, LONGEST_WAIT)
        return wait * (0.5 + 0.5 * self._chance())
