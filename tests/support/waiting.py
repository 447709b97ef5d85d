"""Waiting for what will happen, with a deadline instead of a guess."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

DEADLINE = 10.0
"""Seconds after which something that should happen counts as not happening."""

_PAUSE = threading.Event()


def eventually(look: Callable[[], Found], what: str, deadline: float = DEADLINE) -> Found:
    """The first true value of `look()`, asked again and again, for what tells nobody when it changes."""
    end = time.monotonic() + deadline
    pause = 0.0005
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {deadline} s; at last {found!r}")
        _PAUSE.wait(pause)
        pause = min(pause * 2, 0.02)


def comes_to_rest(look: Callable[[], Found], what: str) -> Found:
    """The value of `look()` once it has stayed the same over many looks."""
    seen: list[Found] = []

    def still() -> bool:
        seen.append(look())
        return len(seen) > 30 and len(set(seen[-30:])) == 1

    eventually(still, what)
    return seen[-1]


def happens(event: threading.Event, what: str, deadline: float = DEADLINE) -> None:
    """Wait for `event`."""
    assert event.wait(deadline), f"{what}: not within {deadline} s"
