"""Much load from one event loop: callers and an upstream that do as little as possible for each request."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from tests.support.gateway import RunningGateway, chat_body
from tests.support.reply import answer, chunk, stream
from tests.support.wire import request

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


def _complete(data: bytes | bytearray) -> bool:
    """Whether `data` is a whole HTTP/1.1 message. Only for those that these tests send and get."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return False
    length = _LENGTH.search(data, 0, head + 2)
    return data.endswith(b"\r\n0\r\n\r\n") if length is None else len(data) >= head + 4 + int(length[1])


@dataclass(frozen=True)
class Kind:
    """A request, and how its answer begins."""

    sent: bytes
    expected: bytes


def kinds(gateway: RunningGateway) -> list[Kind]:
    """Requests of every kind that goes through other code: well and badly ended, streamed and not."""
    ok, key = b"HTTP/1.1 200 ", gateway.key
    private = [{"role": "user", "content": "Write to jane@example.com or ring +49 30 1234567"}]

    def ask(model: str, expected: bytes = ok, **members: object) -> Kind:
        return Kind(request(chat_body(model, **members), key=key), expected)

    return [
        ask("m"),
        ask("m", stream=True),
        ask("mock"),
        ask("mock", stream=True),
        ask("guarded", messages=private),
        ask("guarded", messages=private, stream=True),
        ask("none-such", b"HTTP/1.1 404 "),
        ask("m", b"HTTP/1.1 400 ", messages="wrong"),
        ask("broken", b"HTTP/1.1 502 "),
        Kind(request(chat_body(), key="not-a-key-of-ours"), b"HTTP/1.1 401 "),
    ]


class _Caller(asyncio.Protocol):
    """Sends its next request once its last is answered, until the load is over."""

    def __init__(self, load: Load, turn: int) -> None:
        self._load = load
        self._turn = turn
        self._inbox = bytearray()
        self._transport: asyncio.Transport | None = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._inbox += data
        if not _complete(self._inbox):
            return
        kind = self._load.kinds[self._turn % len(self._load.kinds)]
        if not self._inbox.startswith(kind.expected):
            self._load.fail(f"{bytes(self._inbox[:600])!r}")
        self._inbox.clear()
        self._turn += 1
        self._load.answered()
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._load.over.done():
            self._load.fail(f"a connection ended: {error}, after {bytes(self._inbox)!r}")
        self.closed.set()

    def _next(self) -> None:
        assert self._transport is not None
        if self._load.over.done():
            self._transport.close()
        else:
            self._transport.write(self._load.kinds[self._turn % len(self._load.kinds)].sent)


class Load:
    """`count` requests, the kinds in turn."""

    def __init__(self, all_kinds: Sequence[Kind], count: int) -> None:
        self.kinds = all_kinds
        self._left = count
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, address: tuple[str, int], connections: int = 32) -> None:
        """Send them. Raises `AssertionError` for an answer that is not what it should be."""
        loop = asyncio.get_running_loop()
        callers = [_Caller(self, number) for number in range(connections)]
        for caller in callers:
            await loop.create_connection(lambda caller=caller: caller, *address)  # type: ignore[misc]
        await self.over
        for caller in callers:
            await caller.closed.wait()

    def answered(self) -> None:
        """Count one."""
        self._left -= 1
        if self._left <= 0 and not self.over.done():
            self.over.set_result(None)

    def fail(self, why: str) -> None:
        """End it."""
        if not self.over.done():
            self.over.set_exception(AssertionError(why))


class _Holder(asyncio.Protocol):
    """One stream that was begun, and is kept."""

    def __init__(self, sent: bytes) -> None:
        self._sent = sent
        self._transport: asyncio.Transport | None = None
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._sent)

    def data_received(self, data: bytes) -> None:
        if b"data: " in data and not self.begun.done():
            self.begun.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.begun.done():
            self.begun.set_exception(error or AssertionError("a stream ended before it began"))
        self.closed.set()

    async def leave(self) -> None:
        """End it, as a client that is killed does."""
        if self._transport is not None:
            self._transport.abort()
            await self.closed.wait()


@contextlib.asynccontextmanager
async def held(address: tuple[str, int], sent: bytes, count: int) -> AsyncIterator[None]:
    """`count` streams that have begun; their callers leave at the end."""
    loop = asyncio.get_running_loop()
    holders: list[_Holder] = []
    try:
        for start in range(0, count, 256):
            opening = [loop.create_connection(lambda: _Holder(sent), *address) for _ in range(min(256, count - start))]
            holders += [holder for _, holder in await asyncio.gather(*opening)]
        await asyncio.gather(*(holder.begun for holder in holders))
        yield
    finally:
        await asyncio.gather(*(holder.leave() for holder in holders))


class _Upstream(asyncio.Protocol):
    """Answers at once, a stream where one is asked for; for the model `held-model` a stream that stands still."""

    JSON = answer().all_bytes()
    STREAM = stream().all_bytes()
    # Without its end, which is that of the last chunk and of the body.
    BEGUN = stream([chunk({"role": "assistant", "content": "Hello"})]).all_bytes().removesuffix(b"0\r\n\r\n")

    def __init__(self, everyone: set[_Upstream]) -> None:
        self._inbox = bytearray()
        self._everyone = everyone
        self.transport: asyncio.Transport | None = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._everyone.add(self)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - as the protocol has it
        self._everyone.discard(self)
        self.closed.set()

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        self._inbox += data
        if not _complete(self._inbox):
            return
        asked = bytes(self._inbox)
        self._inbox.clear()
        if b"broken-model" in asked:
            self.transport.abort()
        elif b"held-model" in asked:
            self.transport.write(self.BEGUN)
        else:
            self.transport.write(self.STREAM if b'"stream":' in asked else self.JSON)


@contextlib.asynccontextmanager
async def upstream(port: int) -> AsyncIterator[None]:
    """Serve on `port` of 127.0.0.1."""
    everyone: set[_Upstream] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Upstream(everyone), "127.0.0.1", port, backlog=4096)
    try:
        yield
    finally:
        server.close()
        for one in list(everyone):
            if one.transport is not None:
                one.transport.abort()
            await one.closed.wait()
