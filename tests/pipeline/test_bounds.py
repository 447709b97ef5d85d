"""Bounds: what a caller may send in bytes, numbers and time, and what the gateway takes of an upstream."""

from __future__ import annotations

import contextlib
import json
import select
from collections.abc import Iterator

import pytest

from tests.conftest import StartGateway
from tests.support.errors import is_error, is_refused_head
from tests.support.gateway import KEY, RunningGateway, chat_body, minimal
from tests.support.reply import Reply, Step, events, stream
from tests.support.upstream import ScriptedUpstream, wait_gone
from tests.support.waiting import DEADLINE, eventually
from tests.support.wire import EndedError, Wire, encoded, request

MAX_BODY = 2048
MAX_HEAD = 8192


@pytest.fixture(scope="module")
def bounded_upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def shared_gateway(
    bounded_upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    """A gateway with narrow bounds."""
    server = {
        "max_body": MAX_BODY,
        "max_head": MAX_HEAD,
        "head_timeout": "400ms",
        "body_timeout": "400ms",
        "write_timeout": "400ms",
    }
    text = minimal(bounded_upstream.url, server=server)
    with RunningGateway(text, tmp_path_factory.mktemp("bounds")) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared_gateway: RunningGateway, bounded_upstream: ScriptedUpstream) -> Iterator[RunningGateway]:
    """The shared one; after each test it must serve on, and nothing may be left over."""
    bounded_upstream.reset()
    yield shared_gateway
    assert shared_gateway.chat().status == 200
    shared_gateway.settled()


def body_of(size: int) -> bytes:
    """A good body of exactly `size` bytes."""
    empty = len(encoded(chat_body(pad="")))
    return encoded(chat_body(pad="x" * (size - empty)))


def head(*headers: str) -> bytes:
    """The head of a chat completion with these headers added."""
    lines = ["POST /v1/chat/completions HTTP/1.1", "host: x", f"authorization: Bearer {KEY}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_body_of_the_limit_passes(gateway: RunningGateway) -> None:
    assert gateway.chat(body_of(MAX_BODY)).status == 200


def test_a_body_over_the_limit(gateway: RunningGateway, bounded_upstream: ScriptedUpstream) -> None:
    message = is_error(gateway.chat(body_of(MAX_BODY + 1)), 413, "request_too_large", "body")["message"]
    assert str(MAX_BODY) in message
    assert bounded_upstream.requests == []


@pytest.mark.parametrize("declared", [MAX_BODY + 1, 1 << 40, (1 << 63) - 1])
def test_a_body_declared_over_the_limit_is_refused_before_it_comes(gateway: RunningGateway, declared: int) -> None:
    with gateway.connect() as wire:
        wire.send(head(f"content-length: {declared}"))
        is_error(wire.answer(), 413, "request_too_large", "body")


def test_a_caller_who_is_still_sending_can_read_the_refusal(gateway: RunningGateway) -> None:
    # To close with bytes unread resets the connection (RFC 9112 §9.6), and many clients then never see the answer.
    body = body_of(1 << 20)
    with gateway.connect() as wire:
        wire.send(head(f"content-length: {len(body)}"))
        assert select.select([wire.socket], [], [], DEADLINE)[0]
        for at in range(0, len(body), 1 << 16):
            wire.send(body[at : at + (1 << 16)])
        is_error(wire.answer(), 413, "request_too_large", "body")


def test_a_chunked_body_of_the_limit_passes(gateway: RunningGateway) -> None:
    body = body_of(MAX_BODY)
    with gateway.connect() as wire:
        wire.send(head("transfer-encoding: chunked"))
        for byte in range(0, len(body), 100):
            piece = body[byte : byte + 100]
            wire.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        wire.send(b"0\r\n\r\n")
        assert wire.answer().status == 200


@pytest.mark.parametrize("size", [1, 1000, MAX_BODY + 1])
def test_a_chunked_body_over_the_limit(gateway: RunningGateway, bounded_upstream: ScriptedUpstream, size: int) -> None:
    body = body_of(MAX_BODY + 1)
    with gateway.connect() as wire:
        wire.send(head("transfer-encoding: chunked"))
        pieces = (body[at : at + size] for at in range(0, len(body), size))
        wire.send(b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces))
        is_error(wire.answer(), 413, "request_too_large", "body")
    assert bounded_upstream.requests == []


def test_an_endless_chunked_body_is_not_kept(gateway: RunningGateway) -> None:
    with gateway.connect() as wire:
        wire.send(head("transfer-encoding: chunked"))
        _flood(wire, b"10000\r\n" + bytes(0x10000) + b"\r\n")


def _flood(wire: Wire, data: bytes) -> None:
    """Send `data` until the gateway ends the connection, which it must within a GiB."""
    with contextlib.suppress(ConnectionError):
        for _ in range((1 << 30) // len(data)):
            wire.send(data)
        raise AssertionError("the gateway reads on and on")


def test_the_key_is_asked_before_the_size(gateway: RunningGateway) -> None:
    answer = gateway.chat(body_of(MAX_BODY + 1), key=None)
    is_error(answer, 401, "invalid_api_key")


def test_a_head_of_the_limit_passes(gateway: RunningGateway) -> None:
    data = encoded(chat_body())
    length = f"content-length: {len(data)}"
    room = MAX_HEAD - len(head(length, "x: "))
    with gateway.connect() as wire:
        wire.send(head(length, "x: " + "y" * room) + data)
        assert wire.answer().status == 200


@pytest.mark.parametrize("over", [1, 1000, 100_000])
def test_a_head_over_the_limit(gateway: RunningGateway, over: int) -> None:
    data = encoded(chat_body())
    length = f"content-length: {len(data)}"
    room = MAX_HEAD - len(head(length, "x: "))
    with gateway.connect() as wire:
        wire.send(head(length, "x: " + "y" * (room + over)) + data)
        is_refused_head(wire.answer(), 431)
        assert wire.rest() == b""


def test_an_endless_header_is_not_kept(gateway: RunningGateway) -> None:
    with gateway.connect() as wire:
        wire.send(b"GET /health/live HTTP/1.1\r\nhost: x\r\nx: ")
        _flood(wire, b"y" * 0x10000)


def test_endless_headers_are_not_kept(gateway: RunningGateway) -> None:
    with gateway.connect() as wire:
        wire.send(b"GET /health/live HTTP/1.1\r\nhost: x\r\n")
        _flood(wire, b"x: y\r\n" * 10_000)


def test_too_many_headers(gateway: RunningGateway) -> None:
    data = encoded(chat_body())
    with gateway.connect() as wire:
        wire.send(head(f"content-length: {len(data)}", *(f"x{number}: y" for number in range(1000))) + data)
        is_refused_head(wire.answer(), 431)


@pytest.mark.parametrize("length", [MAX_HEAD + 1, 70_000, 300_000])
def test_a_long_target(gateway: RunningGateway, length: int) -> None:
    with gateway.connect() as wire:
        wire.send(request(None, key=KEY, target="/" + "x" * length, method="GET"))
        is_refused_head(wire.answer(), 431)


def test_a_target_that_no_uri_is_as_long_as(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gateway = start_gateway(minimal(upstream.url, server={"max_head": "1MiB"}))
    with gateway.connect() as wire:
        wire.send(request(None, key=KEY, target="/" + "x" * 70_000, method="GET"))
        is_refused_head(wire.answer(), 414)
        assert wire.rest() == b""
    gateway.settled()


@pytest.mark.parametrize("first", [b"", request(None, key=None, target="/health/live", method="GET")])
@pytest.mark.parametrize("sent", [b"P", b"POST", b"\r\nP", head()[:-2], head()[:-1]])
def test_a_slow_head(gateway: RunningGateway, first: bytes, sent: bytes) -> None:
    with gateway.connect() as wire:
        wire.send(first, sent)
        if first:
            assert wire.answer().status == 200
        is_refused_head(wire.answer(), 408)
        assert wire.rest() == b""


@pytest.mark.parametrize("sent", [b"", b"\r\n", request(None, key=None, target="/health/live", method="GET")])
def test_an_idle_connection_ends_without_a_word(gateway: RunningGateway, sent: bytes) -> None:
    with gateway.connect() as wire:
        wire.send(sent)
        if sent.strip():
            assert wire.answer().status == 200
        assert wire.rest() == b""


def test_a_head_that_drips_is_slow(gateway: RunningGateway) -> None:
    with gateway.connect() as wire:
        wire.socket.settimeout(0.02)
        told = _drip(wire, b"GET /health/live HTTP/1.1\r\nhost: x\r\nx: ", b"y")
        assert told.startswith(b"HTTP/1.1 408 ")


def _drip(wire: Wire, first: bytes, more: bytes) -> bytes:
    """Send `first` and then `more` again and again, while nothing comes back; what comes until the end."""
    wire.send(first)
    for _ in range(1000):
        try:
            received = wire.socket.recv(65536)
        except TimeoutError:
            try:
                wire.send(more)
            except ConnectionError:
                return b""
        except ConnectionError:
            return b""
        else:
            return received
    raise AssertionError("the gateway never ended the connection")


@pytest.mark.parametrize("sent", [b"", b'{"model":"m"', encoded(chat_body())[:-1]])
def test_a_slow_body(gateway: RunningGateway, bounded_upstream: ScriptedUpstream, sent: bytes) -> None:
    with gateway.connect() as wire:
        wire.send(head(f"content-length: {len(encoded(chat_body()))}") + sent)
        answer = wire.answer()
        is_error(answer, 408, "request_timeout")
        assert answer.header("connection") == "close"
        wire.finish()
        assert wire.rest() == b""
    assert bounded_upstream.requests == []


def test_a_body_that_drips_is_slow(gateway: RunningGateway, bounded_upstream: ScriptedUpstream) -> None:
    with gateway.connect() as wire:
        wire.socket.settimeout(0.02)
        told = _drip(wire, head("transfer-encoding: chunked"), b"1\r\n \r\n")
        assert told.startswith(b"HTTP/1.1 408 ")
    assert bounded_upstream.requests == []


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
def test_a_caller_who_never_reads(gateway: RunningGateway, bounded_upstream: ScriptedUpstream, streamed: bool) -> None:
    events_for_ever: list[Step] = [events()[1] * 200] * 1_000_000
    text_for_ever = (b'{"x":"', *[b"x" * (1 << 16)] * 100_000)
    endless = stream(events_for_ever, "close") if streamed else Reply(body=text_for_ever, framing="close")
    bounded_upstream.script(endless)
    with gateway.connect() as wire:
        wire.send(request(chat_body(stream=streamed), key=KEY))
        wait_gone(bounded_upstream.take())
        eventually(lambda: gateway.health()["connections"] == 0, "its slot is free")


def test_every_slot_taken(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gateway = start_gateway(minimal(upstream.url, server={"max_connections": 40}))
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(gateway.connect()) for _ in range(40)]
        for wire in held:
            wire.send(request(chat_body(), key=KEY))
            assert wire.answer().status == 200
        with gateway.connect() as late:
            late.send(request(chat_body(), key=KEY))
            refused = late.answer()
            assert late.rest() == b""
        # Those who have a slot are served on.
        held[0].send(request(chat_body(), key=KEY))
        assert held[0].answer().status == 200
        held[-1].close()
        eventually(lambda: _is_served(gateway), "the slot is given to another")
    gateway.settled()
    is_error(refused, 503, "unavailable")
    assert refused.header("connection") == "close"
    assert int(refused.header("retry-after") or 0) >= 1


def _is_served(gateway: RunningGateway) -> bool:
    try:
        return gateway.chat().status == 200
    except (EndedError, ConnectionError):
        return False


def test_the_shipped_bounds_take_a_large_body(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gateway = start_gateway(minimal(upstream.url))
    body = json.dumps(chat_body(pad="é" * (8 << 20), sparse="\\" * 1000), ensure_ascii=False).encode()
    assert gateway.chat(body).status == 200
    assert upstream.take().body == body.replace(b'"m"', b'"up-model"', 1)
    with gateway.connect() as wire:
        # It may be told before it has sent all, and then reads the answer in spite of that.
        with contextlib.suppress(ConnectionError):
            wire.send(request(b" " * ((32 << 20) + 1), key=KEY))
        is_error(wire.answer(), 413, "request_too_large", "body")
    gateway.settled()
