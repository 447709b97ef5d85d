"""A client that writes its bytes itself, for requests that no library would send."""

from __future__ import annotations

import json
import socket
import ssl
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeAlias

from tests.support.waiting import DEADLINE

Json: TypeAlias = Any
"""Whatever JSON may hold; the test knows."""

CHAT = "/v1/chat/completions"


class EndedError(Exception):
    """The connection ended before what was expected had come."""


@dataclass(frozen=True)
class Answer:
    """One HTTP/1.1 response. Header names are in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    cut: bool = False
    """Whether the body ended before its framing said so."""

    def header(self, name: str) -> str | None:
        """The only value of a header; `None` if it is not there."""
        values = [value for key, value in self.headers if key == name]
        assert len(values) <= 1, f"{name} occurs {len(values)} times"
        return values[0] if values else None

    def json(self) -> Json:
        """The body, parsed."""
        return json.loads(self.body)


class Wire:
    """One connection. Every reading call gives up after the deadline, with `TimeoutError`."""

    def __init__(self, address: tuple[str, int], tls: ssl.SSLContext | None = None) -> None:
        plain = socket.create_connection(address, timeout=DEADLINE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = plain if tls is None else tls.wrap_socket(plain, server_hostname="localhost")
        self._inbox = b""

    def send(self, *pieces: bytes) -> None:
        """Send each piece."""
        for piece in pieces:
            self.socket.sendall(piece)

    def until(self, mark: bytes) -> bytes:
        """What comes up to and with `mark`. Raises `EndedError`."""
        while mark not in self._inbox:
            self._more()
        end = self._inbox.index(mark) + len(mark)
        return self._pull(end)

    def head(self) -> Answer:
        """The next response's head, past interim ones. Raises `EndedError`."""
        while True:
            first, *lines = self.until(b"\r\n\r\n").decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
            version, status, *_ = first.split(" ")
            assert version in {"HTTP/1.1", "HTTP/1.0"}, first
            if not status.startswith("1"):
                pairs = (line.partition(":") for line in lines)
                return Answer(int(status), tuple((name.lower(), value.strip()) for name, _, value in pairs), b"")

    def answer(self, *, bodiless: bool = False) -> Answer:
        """The next response, whole. Raises `EndedError` if not even its head comes."""
        head = self.head()
        length, coding = head.header("content-length"), head.header("transfer-encoding")
        if bodiless or head.status in {204, 304}:
            return head
        parts: list[bytes] = []
        try:
            if coding == "chunked":
                while piece := self.chunk():
                    parts.append(piece)
            elif length is not None:
                parts.append(self._exactly(int(length)))
            else:
                parts.append(self.rest())
        except (EndedError, ConnectionError):
            return Answer(head.status, head.headers, b"".join(parts), cut=True)
        return Answer(head.status, head.headers, b"".join(parts))

    def chunk(self) -> bytes:
        """The next chunk of a chunked body; nothing at its end. Raises `EndedError`."""
        size = int(self.until(b"\r\n").split(b";")[0], 16)
        piece = self._exactly(size + 2)
        assert piece.endswith(b"\r\n")
        return piece[:-2]

    def rest(self) -> bytes:
        """Everything until the other side ends the connection, also by resetting it."""
        try:
            while True:
                self._more()
        except (EndedError, ConnectionResetError):
            return self._pull(len(self._inbox))

    def finish(self) -> None:
        """Say that no more will come, and go on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        """End the connection."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _exactly(self, count: int) -> bytes:
        while len(self._inbox) < count:
            self._more()
        return self._pull(count)

    def _pull(self, count: int) -> bytes:
        pulled, self._inbox = self._inbox[:count], self._inbox[count:]
        return pulled

    def _more(self) -> None:
        data = self.socket.recv(1 << 18)
        if not data:
            raise EndedError(f"the connection ended after {self._inbox[-200:]!r}")
        self._inbox += data


def encoded(body: object) -> bytes:
    """`body` as JSON, unless it is bytes already."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def request(
    body: object, headers: Iterable[tuple[str, str]] = (), *, key: str | None, target: str = CHAT, method: str = "POST"
) -> bytes:
    """A well-formed HTTP/1.1 request as bytes. Without a body (`None`) it has no content-length."""
    lines = [f"{method} {target} HTTP/1.1", "host: gateway"]
    if key is not None:
        lines.append(f"authorization: Bearer {key}")
    lines += [f"{name}: {value}" for name, value in headers]
    if body is None:
        return "\r\n".join([*lines, "", ""]).encode("latin-1")
    data = encoded(body)
    lines += ["content-type: application/json", f"content-length: {len(data)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + data


def ask(address: tuple[str, int], data: bytes, *, bodiless: bool = False) -> Answer:
    """Send `data` on a connection of its own; the first answer."""
    with Wire(address) as wire:
        wire.send(data)
        return wire.answer(bodiless=bodiless)
