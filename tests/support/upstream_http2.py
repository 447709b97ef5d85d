"""The HTTP/2 side of the scripted upstream: each stream's answer is played by a thread of its own."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from tests.support.connection import Connection, Gone
from tests.support.reply import End, Gate, Reply, Step
from tests.support.waiting import DEADLINE

if TYPE_CHECKING:
    from tests.support.upstream import ScriptedUpstream


@dataclass
class _Stream:
    headers: list[tuple[str, str]]
    body: bytearray = field(default_factory=bytearray)
    gone: Gone = field(default_factory=Gone)


class _Http2:
    def __init__(self, connection: Connection, upstream: ScriptedUpstream) -> None:
        self._connection = connection
        self._upstream = upstream
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self._turn = threading.Condition()
        self._streams: dict[int, _Stream] = {}

    def run(self) -> None:
        with self._turn:
            self._h2.initiate_connection()
            self._flush()
        while data := self._connection.some():
            with self._turn:
                for event in self._h2.receive_data(data):
                    self._handle(event)
                self._flush()
                self._turn.notify_all()
        with self._turn:
            for stream in self._streams.values():
                stream.gone.set()
            self._turn.notify_all()

    def _handle(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                headers = [(str(name), str(value)) for name, value in event.headers]
                self._streams[event.stream_id] = _Stream(headers)
            case h2.events.DataReceived():
                self._streams[event.stream_id].body += event.data
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                threading.Thread(target=self._answer, args=(event.stream_id,), daemon=True).start()
            case h2.events.StreamReset():
                self._streams[event.stream_id].gone.set()
            case _:
                pass

    def _answer(self, stream_id: int) -> None:
        # Late, as the two modules are two halves of one server.
        from tests.support.upstream import Received  # noqa: PLC0415

        stream = self._streams[stream_id]
        pseudo = dict(stream.headers)
        reply = self._upstream.next_reply(
            Received(
                method=pseudo[":method"],
                target=pseudo[":path"],
                version="HTTP/2",
                head=b"",
                headers=tuple(stream.headers),
                body=bytes(stream.body),
                connection=self._connection.number,
                gone=stream.gone,
            )
        )
        assert isinstance(reply, Reply), "HTTP/2 has no raw answers"
        # Both mean that the caller left, which `gone` tells.
        with contextlib.suppress(OSError, h2.exceptions.ProtocolError):
            self._play(stream_id, reply)
        self._upstream.played()

    def _play(self, stream_id: int, reply: Reply) -> None:
        with self._turn:
            self._h2.send_headers(stream_id, [(":status", str(reply.status)), *reply.headers])
            self._flush()
        for step in reply.body:
            if not self._step(stream_id, step):
                return
        with self._turn:
            self._h2.end_stream(stream_id)
            self._flush()

    def _step(self, stream_id: int, step: Step) -> bool:
        match step:
            case bytes():
                self._send(stream_id, step)
            case Gate():
                self._upstream.stand(step)
            case End.RESET:
                with self._turn:
                    self._h2.reset_stream(stream_id, h2.errors.ErrorCodes.INTERNAL_ERROR)
                    self._flush()
                return False
            case End.CLOSE:
                self._connection.close()
                return False
            case End.HANG:
                self._streams[stream_id].gone.wait()
                return False
            case _:
                self._connection.all_read()
        return True

    def _send(self, stream_id: int, data: bytes) -> None:
        while data:
            with self._turn:
                room = self._turn.wait_for(lambda: self._room(stream_id), DEADLINE)
                if not room or self._streams[stream_id].gone.is_set():
                    return
                size = min(room, len(data))
                self._h2.send_data(stream_id, data[:size])
                self._flush()
                data = data[size:]

    def _room(self, stream_id: int) -> int:
        if self._streams[stream_id].gone.is_set():
            return 1
        return min(self._h2.local_flow_control_window(stream_id), self._h2.max_outbound_frame_size)

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data:
            self._connection.send(data)


def serve_http2(connection: Connection, upstream: ScriptedUpstream) -> None:
    """Serve one connection until it ends."""
    _Http2(connection, upstream).run()
