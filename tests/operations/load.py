"""Callers in a closed loop, as an operator has them when they do something to a gateway; every failure is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.support.gateway import RunningGateway, chat_body
from tests.support.reply import CONTENT, Reply, answer, events, stream
from tests.support.upstream import Received
from tests.support.waiting import DEADLINE, eventually
from tests.support.wire import Answer, Wire, request

STREAMED = b"".join(events(usage=False))
"""What the caller of a stream gets."""


def serve(received: Received) -> Reply:
    """What the upstream answers under load: a stream to those who ask for one."""
    return stream() if received.json().get("stream") else answer()


class Load:
    """Callers on threads of their own: on one connection each, on a new one each time, and of streams."""

    def __init__(self, gateway: RunningGateway, callers: int = 2) -> None:
        self.failures: list[str] = []
        self._gateway = gateway
        self._stopped = threading.Event()
        self._served = [0] * (3 * callers)
        kinds = (self._keep, self._renew, self._stream) * callers
        self._threads = [threading.Thread(target=self._run, args=(kind, n)) for n, kind in enumerate(kinds)]

    def goes_on(self, rounds: int = 20) -> None:
        """Wait until every caller was served this many times more; the failures so far end the test."""
        until = [served + rounds for served in self._served]
        eventually(
            lambda: self.failures or all(now >= then for now, then in zip(self._served, until, strict=True)),
            "every caller is served",
            3 * DEADLINE,
        )
        assert self.failures == []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(3 * DEADLINE)
        if kind is None:
            assert self.failures == []
            assert all(self._served)

    def _run(self, call: Callable[[Wire | None], Wire | None], number: int) -> None:
        wire: Wire | None = None
        while not self._stopped.is_set():
            try:
                wire = call(wire)
            except Exception as error:  # noqa: BLE001 - whatever a caller meets is a failed request
                self.failures.append(f"{call.__name__}: {type(error).__name__}: {error}")
                return
            self._served[number] += 1
        if wire is not None:
            wire.close()

    def _keep(self, wire: Wire | None) -> Wire | None:
        """A JSON answer on the connection that the last one came on, unless that said it would close."""
        if wire is None:
            wire = self._gateway.connect()
        wire.send(request(chat_body(), key=self._gateway.key))
        return self._kept(wire, self._checked(wire.answer(), streamed=False))

    def _renew(self, _: Wire | None) -> None:
        """A JSON answer on a new connection."""
        self._checked(self._gateway.chat(), streamed=False)

    def _stream(self, wire: Wire | None) -> Wire | None:
        """A stream, on the connection that the last one came on."""
        if wire is None:
            wire = self._gateway.connect()
        wire.send(request(chat_body(stream=True), key=self._gateway.key))
        return self._kept(wire, self._checked(wire.answer(), streamed=True))

    def _kept(self, wire: Wire, seen: Answer) -> Wire | None:
        if seen.header("connection") != "close":
            return wire
        wire.close()
        return None

    def _checked(self, seen: Answer, *, streamed: bool) -> Answer:
        assert not seen.cut, "the answer was cut"
        assert seen.status == 200, seen.body
        if streamed:
            assert seen.body == STREAMED, seen.body
        else:
            assert seen.json()["choices"][0]["message"]["content"] == CONTENT
        return seen
