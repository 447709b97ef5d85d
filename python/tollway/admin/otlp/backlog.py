"""Spans that wait for the receiver, and how far the records have come: where a child after this one goes on."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

MOST_SPANS = 10_000
"""As many spans wait; then the oldest give way: of a long outage, its end is worth more than its beginning."""


class Backlog:
    """The spans of records in their order, and the file that says which record is the next to be exported.

    The file is written after the receiver has taken a batch. A child that is killed between the two sends that batch
    again after its restart: at least once, and twice at most one batch.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._waiting: deque[tuple[int, list[Span]]] = deque()
        self._sending: list[tuple[int, list[Span]]] = []
        self._spans = 0
        self._written: int | None = None
        self.next: int | None = None
        """The number of the first record that was not fetched yet; `None` for whichever comes next."""
        self.arrived = asyncio.Event()

    @property
    def spans(self) -> int:
        """How many spans wait, also those that are being sent."""
        return self._spans + sum(len(spans) for _, spans in self._sending)

    def resume(self) -> None:
        """Go on from where the file says that an earlier child was; without it, from the gateway's start."""
        self.next = 0
        with suppress(OSError, ValueError):
            self.next = int(self._file.read_text())

    def add(self, number: int, spans: list[Span]) -> int:
        """Add the spans of the record `number`; how many older ones had to give way."""
        self._waiting.append((number, spans))
        self._spans += len(spans)
        lost = 0
        while self._spans > MOST_SPANS:
            lost += self._pop_spans(len(self._waiting[0][1]))
        self.arrived.set()
        return lost

    def _pop_spans(self, spans: int) -> int:
        self._waiting.popleft()
        self._spans -= spans
        return spans

    def take(self, most: int) -> list[Span]:
        """About `most` of the oldest spans, those of a record together; they wait on until `done`."""
        taken = 0
        while self._waiting and taken < most:
            self._sending.append(self._waiting[0])
            taken += self._pop_spans(len(self._waiting[0][1]))
        if not self._waiting:
            self.arrived.clear()
        return [span for _, spans in self._sending for span in spans]

    def put_back(self) -> None:
        """What was taken was not sent after all."""
        self._waiting.extendleft(reversed(self._sending))
        self._spans += sum(len(spans) for _, spans in self._sending)
        self._sending = []
        self.arrived.set()

    def done(self) -> None:
        """What was taken is settled; remember how far that is."""
        self._sending = []
        self.remember()

    def remember(self) -> None:
        """Write down the first record that is not settled, if it is another than was written last."""
        first = next((number for number, _ in (*self._sending, *self._waiting)), self.next)
        if first is None or first == self._written:
            return
        draft = self._file.with_suffix(".new")
        with suppress(OSError):  # then more is sent twice after a restart
            draft.write_text(str(first))
            draft.replace(self._file)
            self._written = first

    def clear(self) -> int:
        """Forget everything, and the file; how many spans that were."""
        spans = self.spans
        self._waiting.clear()
        self._sending = []
        self._spans, self.next, self._written = 0, None, None
        self.arrived.clear()
        self._file.unlink(missing_ok=True)
        return spans
