"""The tasks that deliver at the moment, and their connections: begun together, ended together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Protocol

from tollway import logs

PATIENCE = 2.0
"""Seconds for what is under way, at the end and when the settings change."""


class Abortable(Protocol):
    """A connection that can be ended while a thread waits for it."""

    def abort(self) -> None:
        """End it now."""


class Running:
    """`fault` names the event of the log for a task that fails, which is a fault of ours; `failed` is then called."""

    def __init__(self, fault: str, failed: Callable[[], None] = lambda: None) -> None:
        self._fault = fault
        self._failed = failed
        self.ending = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._senders: list[Abortable] = []

    def run(self, loop: Coroutine[None, None, None]) -> None:
        """Begin a task."""
        task = asyncio.create_task(loop)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def connect(self, sender: Abortable) -> None:
        """Have `sender` ended with the tasks."""
        self._senders.append(sender)

    async def end(self) -> bool:
        """Let all end by themselves, as far as that is soon done; whether some had to be stopped."""
        self.ending.set()
        late: set[asyncio.Task[None]] = set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=PATIENCE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for sender in self._senders:
            sender.abort()
        self._tasks, self._senders = [], []
        self.ending = asyncio.Event()
        return bool(late)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            # It must be seen, not only missed.
            logs.error(self._fault, exception=type(error).__name__)
            self._failed()
