"""Requests until the receiver takes what they hold, or says for good that it does not."""

from __future__ import annotations

import asyncio
import random
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from tollway.admin.otlp.sender import Answer
from tollway.aside import aside

if TYPE_CHECKING:
    from collections.abc import Callable

    from tollway.admin.otlp.sender import Sender

Told = TypeVar("Told", bound="Tally")

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds before trying again: the first, and what doubling stops at; each is shortened by chance, by half at most."""


class Tally(Protocol):
    """Who is told what becomes of what is sent; `signal` is what it calls that."""

    def went(self, signal: Any, trouble: str | None) -> None:  # noqa: ANN401
        """How a request went."""

    def exported(self, signal: Any, items: int) -> None:  # noqa: ANN401
        """The receiver has taken `items`."""

    def dropped(self, signal: Any, reason: Literal["refused", "rejected"], items: int) -> None:  # noqa: ANN401
        """`items` will not be sent any more."""


class Delivery(Generic[Told]):
    """Delivers one signal. `ending` is set when it should come to its end: then nothing is tried twice."""

    def __init__(self, signal: Any, sender: Sender, state: Told, ending: asyncio.Event) -> None:  # noqa: ANN401
        self.signal = signal
        self.state = state
        self.ending = ending
        self._sender = sender
        self._patience = 2 * sender.timeout
        self._wait = FIRST_WAIT

    async def deliver(
        self, body: bytes, items: int, rejected: Callable[[bytes], int], until: float | None = None
    ) -> bool:
        """Send `body`, which holds `items`, again and again; until the monotonic time `until`, if that is given.

        Whether it is settled: taken, or refused for good. `rejected` reads how many items an answer says were not
        taken.
        """
        while True:
            answer = await self._once(body)
            self.state.went(self.signal, None if answer.kind == "taken" else answer.why)
            if answer.kind == "taken":
                self._wait = FIRST_WAIT
                lost = min(rejected(answer.body), items)
                self.state.exported(self.signal, items - lost)
                self.state.dropped(self.signal, "rejected", lost)
                return True
            if answer.kind == "refused":
                self.state.dropped(self.signal, "refused", items)
                # The next will be refused too, most likely.
                await self.pause(self._backed_off())
                return True
            wait = self._backed_off() if answer.wait is None else answer.wait
            if self.ending.is_set() or (until is not None and time.monotonic() + wait >= until):
                return False
            await self.pause(wait)

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until the end begins."""
        try:
            async with asyncio.timeout(seconds):
                await self.ending.wait()
        except TimeoutError:
            pass

    async def _once(self, body: bytes) -> Answer:
        try:
            # The sender's own timeout is about each wait for the network: one that trickles needs another.
            async with asyncio.timeout(self._patience):
                return await aside(partial(self._sender.send, body))
        except TimeoutError:
            self._sender.abort()
            return Answer("again", "too slow")

    def _backed_off(self) -> float:
        wait = self._wait
        self._wait = min(2 * wait, LONGEST_WAIT)
        return wait * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load
