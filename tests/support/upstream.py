"""A scripted upstream: a TCP server that parses what it gets by itself, records it, and answers to the byte."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeAlias

from tests.support.connection import Connection, Gone
from tests.support.reply import AnyReply, End, Flow, Gate, Reply, Step, answer
from tests.support.upstream_http2 import serve_http2
from tests.support.waiting import DEADLINE, eventually, happens
from tests.support.wire import Json


@dataclass
class Received:
    """One request as it reached the upstream."""

    method: str
    target: str
    version: str
    head: bytes
    headers: tuple[tuple[str, str], ...]
    """Names in lower case."""
    body: bytes
    connection: int
    """Which of the upstream's connections it came on, from 0."""
    gone: Gone
    """Set when the caller left: the connection, or in HTTP/2 the stream, ended by it."""
    at: float = field(default_factory=time.monotonic)

    def header(self, name: str) -> str | None:
        """The only value of a header; `None` if it is not there."""
        values = [value for key, value in self.headers if key == name]
        assert len(values) <= 1, f"{name} occurs {len(values)} times"
        return values[0] if values else None

    def json(self) -> Json:
        """The body, parsed."""
        return json.loads(self.body)


Script: TypeAlias = AnyReply | Callable[[Received], AnyReply]


class ScriptedUpstream:
    """Answers each request with the next of its scripts, and with `otherwise` when none is left.

    With `tls`, ALPN decides about HTTP/2; without, `http2` does. `busy` counts the requests whose answer is not yet
    sent whole. `at` is the address that it listens on; port 0 takes a free one.
    """

    def __init__(
        self, tls: ssl.SSLContext | None = None, *, http2: bool = False, at: tuple[str, int] = ("127.0.0.1", 0)
    ) -> None:
        self.otherwise: Script = answer()
        self.requests: list[Received] = []
        self.accepted = 0
        self.busy = 0
        self._scripts: deque[Script] = deque()
        self._gates: list[Gate] = []
        self._open: set[Connection] = set()
        self._changed = threading.Condition()
        self._taken = 0
        self._tls = tls
        self._http2 = http2
        self._stopped = False
        self._listener = socket.create_server(at, backlog=512)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        return f"https://localhost:{self.port}" if self._tls else f"http://127.0.0.1:{self.port}"

    @property
    def open(self) -> int:
        """How many connections to it are open."""
        return len(self._open)

    @property
    def sent(self) -> int:
        """How many bytes were sent on the connections that are open."""
        return sum(connection.sent for connection in list(self._open))

    def script(self, *scripts: Script) -> None:
        """Answer the next requests so, one each."""
        with self._changed:
            self._scripts.extend(scripts)

    def take(self, deadline: float = DEADLINE) -> Received:
        """The next request that was not taken yet, awaited."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.requests) > self._taken, deadline)
            assert arrived, f"no request reached the upstream within {deadline} s"
            self._taken += 1
            return self.requests[self._taken - 1]

    def reset(self) -> None:
        """Forget requests and scripts, and answer as at first."""
        with self._changed:
            self.otherwise = answer()
            self._scripts.clear()
            self._gates.clear()
            self.requests = []
            self._taken = 0

    def hang_up(self) -> None:
        """End every connection, as a server that restarts does; returns when all have ended."""
        for connection in list(self._open):
            connection.close()
        eventually(lambda: not self._open, "the upstream's connections end")

    def stop(self) -> None:
        """End it."""
        self._stopped = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.release()
        self.hang_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _accept(self) -> None:
        while not self._stopped:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            number = self.accepted
            self.accepted += 1
            connection = Connection(accepted, number)
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        try:
            protocol = connection.start(self._tls)
            if protocol == "h2" or (self._http2 and self._tls is None):
                serve_http2(connection, self)
            else:
                self._serve_http1(connection)
        except OSError:
            # The other side left, or never finished its handshake: what it sent until then is recorded.
            connection.left()
        finally:
            connection.close()
            self._open.discard(connection)

    def _serve_http1(self, connection: Connection) -> None:
        while (received := read_request(connection)) is not None:
            reply = self.next_reply(received)
            try:
                if not self._play(reply.wire(), connection):
                    return
            finally:
                self.played()

    def next_reply(self, received: Received) -> AnyReply:
        """Record a request and choose its answer; called by the serving threads."""
        with self._changed:
            self.requests.append(received)
            self.busy += 1
            script = self._scripts.popleft() if self._scripts else self.otherwise
            self._changed.notify_all()
        return script(received) if callable(script) else script

    def played(self) -> None:
        """Note that an answer was sent, or cannot be; called by the serving threads."""
        with self._changed:
            self.busy -= 1

    def release(self) -> None:
        """Open every gate at which an answer waits."""
        for gate in self._gates:
            gate.open()

    def stand(self, gate: Gate) -> None:
        """Wait at a gate; called by the serving threads."""
        self._gates.append(gate)
        if not self._stopped:
            gate.wait()

    def _play(self, steps: tuple[Step, ...], connection: Connection) -> bool:
        """Send an answer; `False` if the connection ended with it."""
        for step in steps:
            match step:
                case Gate():
                    self.stand(step)
                case End.HANG:
                    connection.ended.wait()
                    return False
                case End.RESET:
                    connection.reset()
                    return False
                case End.CLOSE:
                    connection.close()
                    return False
                case Flow.READ:
                    connection.all_read()
                case bytes():
                    connection.send(step)
        return True


def read_request(connection: Connection) -> Received | None:
    """The next request of an HTTP/1.1 connection; `None` at its end. Raises `ValueError` for what is not one."""
    head = connection.until(b"\r\n\r\n")
    if head is None:
        return None
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    method, target, version = first.split(" ")
    headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    body = _read_body(connection, dict(headers))
    if body is None:
        return None
    return Received(method, target, version, head, headers, body, connection.number, connection.gone)


def _read_body(connection: Connection, headers: dict[str, str]) -> bytes | None:
    if headers.get("transfer-encoding") != "chunked":
        return connection.exactly(int(headers.get("content-length", "0")))
    body = b""
    while (line := connection.until(b"\r\n")) is not None:
        piece = connection.exactly(int(line, 16) + 2)
        if piece is None or len(piece) == 2:
            return body if piece is not None else None
        body += piece[:-2]
    return None


def wait_gone(received: Received, what: str = "the upstream call ends") -> None:
    """Wait until the gateway has given up a call."""
    happens(received.gone, what)


__all__ = ["Received", "Reply", "Script", "ScriptedUpstream", "read_request", "wait_gone"]
