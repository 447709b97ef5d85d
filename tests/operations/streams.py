"""Many streams at a time that stand still in their middle until they are told to go on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.support.gateway import RunningGateway, chat_body
from tests.support.reply import Gate, Reply, events, stream
from tests.support.upstream import Received, ScriptedUpstream
from tests.support.waiting import eventually
from tests.support.wire import Answer, Wire, request


def words(number: str) -> list[str]:
    """What the stream with this number says: no other says the same."""
    return [f"{number}/{index} " for index in range(8)]


def expected(number: int) -> bytes:
    """The bytes of that stream, as its caller must get them."""
    return b"".join(events(words(str(number)), usage=False))


class StandingStreams:
    """`count` streams whose first half has arrived at their callers."""

    def __init__(self, gateway: RunningGateway, upstream: ScriptedUpstream, count: int) -> None:
        self.gate = Gate()
        upstream.otherwise = self._half
        self._wires: list[Wire] = []
        for number in range(count):
            wire = gateway.connect()
            body = chat_body(stream=True, messages=[{"role": "user", "content": str(number)}])
            wire.send(request(body, key=gateway.key))
            self._wires.append(wire)
        eventually(lambda: upstream.busy == count, "every stream has reached the upstream")
        self._heads = [wire.head() for wire in self._wires]
        self._bodies = [wire.chunk() for wire in self._wires]

    def _half(self, received: Received) -> Reply:
        all_events = events(words(received.json()["messages"][0]["content"]))
        return stream([*all_events[:4], self.gate, *all_events[4:]])

    def go_on(self) -> None:
        """Let the second halves come."""
        self.gate.open()

    def finish(self) -> list[bytes]:
        """The body of each, read to its end. Raises `EndedError` for one that was cut."""
        for number, wire in enumerate(self._wires):
            while piece := wire.chunk():
                self._bodies[number] += piece
        return self._bodies

    def heads(self) -> list[Answer]:
        """The head of each."""
        return self._heads

    def ends(self) -> list[bytes]:
        """What each connection still brings until it ends."""
        return [wire.rest() for wire in self._wires]

    def close(self) -> None:
        """Let the callers leave."""
        for wire in self._wires:
            wire.close()


@contextlib.contextmanager
def standing(gateway: RunningGateway, upstream: ScriptedUpstream, count: int) -> Iterator[StandingStreams]:
    """Begin `count` streams; their callers leave at the end."""
    streams = StandingStreams(gateway, upstream, count)
    try:
        yield streams
    finally:
        streams.go_on()
        streams.close()
