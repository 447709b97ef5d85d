"""Callers that go on asking, whatever happens to the gateway, and note which requests were answered."""

from __future__ import annotations

import contextlib
import threading
from types import TracebackType
from typing import Self

from tests.support.gateway import KEY, chat_body
from tests.support.wire import EndedError, Wire, request

DONE = b"data: [DONE]\n\n"


class Callers:
    """`count` callers, each with one request at a time, every other a stream. `answered` are the ids of the requests
    whose answer had come wholly; `failed` tells statuses other than 200."""

    def __init__(self, address: tuple[str, int], count: int = 4, model: str = "m") -> None:
        self._address = address
        self._model = model
        self.answered: list[str] = []
        self.failed: list[int] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _call(self) -> None:
        while not self._stop.is_set():
            # A gateway that was killed takes its connections with it, and is not there for a while.
            with contextlib.suppress(OSError, EndedError), Wire(self._address) as wire:
                stream = False
                while not self._stop.is_set():
                    stream = not stream
                    self._ask(wire, stream)
            self._stop.wait(0.01)

    def _ask(self, wire: Wire, stream: bool) -> None:
        wire.send(request(chat_body(self._model, stream=stream), key=KEY))
        if not stream:
            answer = wire.answer()
            if not answer.cut:
                self._note(answer.status, answer.header("x-request-id"))
            return
        head = wire.head()
        request_id = head.header("x-request-id")
        if head.status != 200:
            # A refusal is no stream: its body is as long as its head says.
            self._note(head.status, request_id)
            raise EndedError(f"a stream was refused with {head.status}")
        while piece := wire.chunk():
            if DONE in piece:
                self._note(head.status, request_id)

    def _note(self, status: int, request_id: str | None) -> None:
        assert request_id is not None
        self.answered.append(request_id)
        if status != 200:
            self.failed.append(status)
