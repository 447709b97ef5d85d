"""Accept: messages whose parts could be read in two ways are read in one, or not at all."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import pytest

from tests.conftest import StartGateway
from tests.pipeline.conftest import Road
from tests.support.errors import is_error, is_refused_head
from tests.support.gateway import KEY, chat_body, minimal
from tests.support.reply import End, Flow, Gate, answer, events, raw, stream
from tests.support.upstream import wait_gone
from tests.support.wire import Answer, EndedError, Wire, ask, request

BODY = json.dumps(chat_body(user="outer")).encode()
SMUGGLED = request(chat_body(user="smuggled"), key=KEY)
LINE = b"POST /v1/chat/completions HTTP/1.1\r\n"
HOST = b"host: gateway\r\n"
AUTHORIZATION = b"authorization: Bearer " + KEY.encode() + b"\r\n"
HEAD = LINE + HOST + AUTHORIZATION


def chunked(data: bytes) -> bytes:
    """`data` as one chunk, and the end."""
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)


def exchange(road: Road, data: bytes) -> list[Answer]:
    """Send `data`; every answer that comes until the gateway ends the connection, which it must."""
    answers: list[Answer] = []
    with road.gateway.connect() as wire:
        # It may end the connection before it has read all.
        with contextlib.suppress(ConnectionError):
            wire.send(data)
        while True:
            try:
                answers.append(wire.answer())
            except (EndedError, ConnectionResetError):
                return answers


def only_one(road: Road, data: bytes) -> Answer | None:
    """Check that `data` gets one answer at most, that nothing smuggled gets through; that answer."""
    answers = exchange(road, data)
    assert len(answers) <= 1, answers
    seen = [received.json().get("user") for received in road.upstream.requests]
    assert seen in ([], ["outer"]), seen
    if answers and answers[0].status == 200:
        assert seen == ["outer"]
    return answers[0] if answers else None


LENGTH_OF_ALL = b"content-length: %d\r\n" % len(chunked(BODY) + SMUGGLED)
LENGTH_OF_BODY = b"content-length: %d\r\n" % len(BODY)
CHUNKED = b"transfer-encoding: chunked\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(LENGTH_OF_ALL + CHUNKED, id="length-then-chunked"),
        pytest.param(CHUNKED + LENGTH_OF_ALL, id="chunked-then-length"),
        pytest.param(LENGTH_OF_BODY + CHUNKED, id="length-of-the-body-then-chunked"),
        pytest.param(b"content-length: 0\r\n" + CHUNKED, id="length-0-then-chunked"),
        pytest.param(CHUNKED + b"content-length: 0\r\n", id="chunked-then-length-0"),
        pytest.param(CHUNKED + b"content-length: 4\r\n", id="chunked-then-length-4"),
        pytest.param(CHUNKED + b"content-length: x\r\n", id="chunked-then-no-length"),
    ],
)
def test_length_and_chunked_together(road: Road, headers: bytes) -> None:
    # RFC 9112 §6.1 would let it be read as chunked. Whoever sends both wants two readers to differ.
    told = only_one(road, HEAD + headers + b"\r\n" + chunked(BODY) + SMUGGLED)
    assert told is not None
    is_refused_head(told, 400, None if b": x" in headers and headers.startswith(b"content") else "transfer-encoding")
    assert road.upstream.requests == []


def test_length_and_chunked_together_after_good_requests(road: Road) -> None:
    good = [HEAD + LENGTH_OF_BODY + b"\r\n" + BODY, HEAD + CHUNKED + b"\r\n" + chunked(BODY)]
    bad = HEAD + LENGTH_OF_BODY + CHUNKED + b"\r\n" + chunked(BODY)
    whole = b"".join([*good, *good, bad, SMUGGLED])
    # Split anywhere, also where one read holds the end of one message and the beginning of the next.
    for size in (len(whole), 1, 7, 64, 333):
        before = len(road.upstream.requests)
        with road.gateway.connect() as wire:
            # It may end the connection before it has read all.
            with contextlib.suppress(ConnectionError):
                wire.send(*(whole[at : at + size] for at in range(0, len(whole), size)))
            assert [wire.answer().status for _ in range(4)] == [200] * 4
            is_refused_head(wire.answer(), 400, "transfer-encoding")
            assert wire.rest() == b""
        assert len(road.upstream.requests) - before == 4


def test_a_refused_head_waits_its_turn(road: Road) -> None:
    gate = Gate()
    road.upstream.script(stream([events()[0], gate, *events()[1:]]))
    with road.begin(chat_body(stream=True)) as wire:
        wire.send(b"no http\r\n\r\n")
        gate.arrived()
        gate.open()
        assert wire.answer().body == b"".join(events(usage=False))
        is_refused_head(wire.answer(), 400)
        assert wire.rest() == b""


@pytest.mark.parametrize(
    "coding",
    [
        b"transfer-encoding: identity\r\n",
        b"transfer-encoding: gzip\r\n",
        b"transfer-encoding: chunked, identity\r\n",
        b"transfer-encoding: chunked, gzip\r\n",
        b"transfer-encoding: xchunked\r\n",
        b"transfer-encoding: chunkedx\r\n",
        b"transfer-encoding: \x0bchunked\r\n",
        b"transfer-encoding: chunked\x00\r\n",
        b'transfer-encoding: "chunked"\r\n',
        b"transfer-encoding:\r\n",
        b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
    ],
)
@pytest.mark.parametrize("length", [b"", b"content-length: %d\r\n" % len(BODY)], ids=["alone", "with-length"])
def test_transfer_codings_that_are_not_chunked_at_the_end(road: Road, coding: bytes, length: bytes) -> None:
    told = only_one(road, HEAD + length + coding + b"\r\n" + chunked(BODY) + SMUGGLED)
    assert told is not None
    is_refused_head(told, 400)


@pytest.mark.parametrize("coding", [b"transfer-encoding : chunked\r\n", b" transfer-encoding: chunked\r\n"])
def test_space_around_a_name(road: Road, coding: bytes) -> None:
    for length in (b"", LENGTH_OF_BODY):
        told = only_one(road, HEAD + length + coding + b"\r\n" + chunked(BODY) + SMUGGLED)
        assert told is not None
        is_refused_head(told, 400)


@pytest.mark.parametrize(
    "lengths",
    [
        b"content-length: %d\r\ncontent-length: 0\r\n" % len(BODY),
        b"content-length: 0\r\ncontent-length: %d\r\n" % len(BODY),
        b"content-length: %d, 0\r\n" % len(BODY),
        b"content-length: +%d\r\n" % len(BODY),
        b"content-length: -1\r\n",
        b"content-length: 0x10\r\n",
        b"content-length: 1e2\r\n",
        b"content-length: %d.0\r\n" % len(BODY),
        b"content-length: 99999999999999999999999\r\n",
        b"content-length: 18446744073709551615\r\n",
        b"content-length: 18446744073709551616\r\n",
        b"content-length:\r\n",
        b"content-length: 1 1\r\n",
        b"content-length: %d\r\n : 1\r\n" % len(BODY),
    ],
)
def test_lengths_that_are_none(road: Road, lengths: bytes) -> None:
    told = only_one(road, HEAD + lengths + b"\r\n" + BODY + SMUGGLED)
    assert told is not None
    # A number that is one, but too large for anything, may also be called too large.
    is_refused_head(told, told.status if told.status in {413, 431} and b"1844674407370955161" in lengths else 400)


def test_equal_lengths_are_one(road: Road) -> None:
    # RFC 9110 §8.6 lets a server take them as one.
    told = only_one(road, HEAD + LENGTH_OF_BODY * 2 + b"connection: close\r\n\r\n" + BODY)
    assert told is not None
    assert told.status in {200, 400}


@pytest.mark.parametrize(
    ("version", "hosts"),
    [
        (b"1.1", HOST * 2),
        (b"1.1", b"host: a\r\nhost: b\r\n"),
        (b"1.1", b"host: a\r\nHOST: a\r\n"),
        (b"1.1", b""),
        (b"1.0", HOST * 2),
    ],
)
def test_exactly_one_host(road: Road, version: bytes, hosts: bytes) -> None:
    head = b"POST /v1/chat/completions HTTP/" + version + b"\r\n" + hosts + AUTHORIZATION + LENGTH_OF_BODY
    told = only_one(road, head + b"connection: close\r\n\r\n" + BODY)
    assert told is not None
    is_error(told, 400, "invalid_request", "host")


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(HEAD + b"x: a\r\n b\r\n", id="obs-fold-space"),
        pytest.param(HEAD + b"x: a\r\n\tb\r\n", id="obs-fold-tab"),
        pytest.param(LINE + b" host: gateway\r\n" + AUTHORIZATION, id="space-before-the-first-header"),
        pytest.param(HEAD + b"host : gateway\r\n", id="space-before-colon"),
        pytest.param(HEAD + b"x\r\n", id="no-colon"),
        pytest.param(HEAD + b": x\r\n", id="no-name"),
        pytest.param(HEAD + b"a b: x\r\n", id="space-in-a-name"),
        pytest.param(HEAD + b"a\x00b: x\r\n", id="zero-in-a-name"),
        pytest.param(HEAD + b"a: x\x00y\r\n", id="zero-in-a-value"),
        pytest.param(HEAD + b"a: x\ry: z\r\n", id="carriage-return-alone"),
        pytest.param(b"POST /v1/chat/completions\r\n" + HOST, id="no-version"),
        pytest.param(b"POST  /v1/chat/completions HTTP/1.1\r\n" + HOST, id="two-spaces"),
        pytest.param(b"POST /v1/chat completions HTTP/1.1\r\n" + HOST, id="space-in-the-target"),
        pytest.param(b"POST /v1/chat/completions HTTP/1.2\r\n" + HOST, id="version-1.2"),
        pytest.param(b"POST /v1/chat/completions HTTP/3.0\r\n" + HOST, id="version-3"),
        pytest.param(b"POST /v1/chat/completions http/1.1\r\n" + HOST, id="version-in-lower-case"),
        pytest.param(b"PO(ST /v1/chat/completions HTTP/1.1\r\n" + HOST, id="no-method"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="tls-to-a-plain-port"),
        pytest.param(b"\x00" * 64, id="zeros"),
    ],
)
def test_heads_that_are_not_http(road: Road, head: bytes) -> None:
    told = only_one(road, head + LENGTH_OF_BODY + b"\r\n" + BODY + SMUGGLED)
    assert told is not None
    is_refused_head(told, 400)
    assert road.upstream.requests == []


def test_bare_line_feeds_smuggle_nothing(road: Road) -> None:
    # RFC 9112 §2.2 lets a server take a line feed alone as a line's end; then it must be one everywhere.
    head = (HEAD + LENGTH_OF_BODY + b"connection: close\r\n\r\n").replace(b"\r\n", b"\n")
    told = only_one(road, head + BODY + SMUGGLED)
    assert told is not None
    assert told.status in {200, 400}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'%x;a=b;c="d"\r\n%s\r\n0\r\n\r\n' % (len(BODY), BODY), id="extension"),
        pytest.param(b"%X\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY), id="upper-case"),
        pytest.param(b"0000%x\r\n%s\r\n000\r\n\r\n" % (len(BODY), BODY), id="leading-zeros"),
        pytest.param(b"%x\r\n%s\r\n0\r\nx-trailer: y\r\n\r\n" % (len(BODY), BODY), id="trailer"),
        pytest.param(b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n", id="byte-by-byte"),
    ],
)
def test_chunked_bodies(road: Road, body: bytes) -> None:
    with road.gateway.connect() as wire:
        for _ in range(2):
            wire.send(HEAD + CHUNKED + b"\r\n" + body)
            assert wire.answer().status == 200
            assert road.upstream.take().json()["user"] == "outer"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"x\r\n" + BODY + b"\r\n0\r\n\r\n", id="no-size"),
        pytest.param(b"\r\n" + BODY + b"\r\n0\r\n\r\n", id="empty-size"),
        pytest.param(b"-1\r\n" + BODY + b"\r\n0\r\n\r\n", id="negative"),
        pytest.param(b"+5\r\n" + BODY + b"\r\n0\r\n\r\n", id="plus"),
        pytest.param(b"0x5\r\n" + BODY + b"\r\n0\r\n\r\n", id="prefix"),
        pytest.param(b"ffffffffffffffff0\r\n" + BODY + b"\r\n0\r\n\r\n", id="overflow"),
        pytest.param(b"10000000000000000\r\n" + BODY + b"\r\n0\r\n\r\n", id="overflow-to-0"),
        pytest.param(b"%x\r\n%sXX0\r\n\r\n" % (len(BODY), BODY), id="no-end-of-chunk"),
        pytest.param(b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY) - 3, BODY), id="shorter-than-its-data"),
        pytest.param(b"%x \n%s\r\n0\r\n\r\n" % (len(BODY), BODY), id="line-feed-after-space"),
        pytest.param(b"%x;\n%s\r\n0\r\n\r\n" % (len(BODY), BODY), id="line-feed-in-extension"),
        pytest.param(b"%x;%s\r\n%s\r\n0\r\n\r\n" % (len(BODY), b"e" * 1_000_000, BODY), id="endless-extension"),
        pytest.param(b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(BODY), BODY, b"x: y\r\n" * 100_000), id="endless-trailers"),
    ],
)
def test_badly_framed_chunks(road: Road, body: bytes) -> None:
    told = only_one(road, HEAD + CHUNKED + b"\r\n" + body + SMUGGLED)
    if told is not None:
        is_error(told, 400, "invalid_request", "body")
    assert road.upstream.requests == []


def test_http_1_0_has_no_chunks(road: Road) -> None:
    told = only_one(road, (HEAD + CHUNKED).replace(b"/1.1", b"/1.0") + b"\r\n" + chunked(BODY) + SMUGGLED)
    assert told is not None
    is_refused_head(told, 400)


def test_http_1_0_is_served_and_the_connection_ends(road: Road) -> None:
    told = only_one(road, (HEAD + LENGTH_OF_BODY).replace(b"/1.1", b"/1.0") + b"\r\n" + BODY)
    assert told is not None
    assert told.status == 200


def test_a_get_with_a_body_smuggles_nothing(road: Road) -> None:
    head = b"GET /v1/models HTTP/1.1\r\n" + HOST + AUTHORIZATION
    with road.gateway.connect() as wire:
        wire.send(head + b"content-length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED)
        assert wire.answer().json()["object"] == "list"
        wire.send(head + b"connection: close\r\n\r\n")
        # Either the body was read and passed over, or the connection ended; it never becomes a request.
        for told in _rest(wire):
            assert told.json()["object"] == "list"
    assert road.upstream.requests == []


def test_a_refused_body_is_never_read_as_a_request(road: Road) -> None:
    for key in (b"authorization: Bearer unknown-unknown-unknown\r\n", b""):
        with road.gateway.connect() as wire:
            wire.send(LINE + HOST + key + b"content-length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED)
            assert wire.answer().status == 401
            wire.finish()
            assert _rest(wire) == []
    assert road.upstream.requests == []


def _rest(wire: Wire) -> list[Answer]:
    answers: list[Answer] = []
    try:
        while True:
            answers.append(wire.answer())
    except (EndedError, ConnectionError):
        return answers


WHOLE = request(chat_body(), key=KEY)


def test_a_caller_who_leaves_at_any_byte_of_its_request(road: Road) -> None:
    # What could still become HTTP/2 is a test of its own.
    for offset in range(len(b"PO"), len(WHOLE)):
        with road.gateway.connect() as wire:
            wire.send(WHOLE[:offset])
            if offset % 2:
                wire.reset()
    road.rests()
    assert road.upstream.requests == []


def test_a_caller_who_leaves_within_the_preface_of_http2(start_gateway: StartGateway) -> None:
    # Who has left holds no slot until some timeout: this one is longer than anybody waits here.
    gateway = start_gateway(minimal("http://127.0.0.1:9", server={"head_timeout": "1h"}))
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    for offset in range(len(preface) + 1):
        for leave in (Wire.close, Wire.reset):
            with gateway.connect() as wire:
                wire.send(preface[:offset])
                leave(wire)
    # Connections are accepted in order: when this one is served, all before it are known.
    assert ask(gateway.address, request(None, key=None, target="/health/live", method="GET")).status == 200
    gateway.settled()


def test_a_caller_who_half_closes_within_its_request(road: Road) -> None:
    for offset in range(0, len(WHOLE), 7):
        with road.gateway.connect() as wire:
            wire.send(WHOLE[:offset])
            wire.finish()
            told = _rest(wire)
            assert len(told) <= 1
            for one in told:
                assert one.status == 400
    assert road.upstream.requests == []


@pytest.mark.parametrize("leave", [Wire.close, Wire.reset])
@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("sent", ["nothing", "head", "part"])
def test_a_caller_who_leaves_while_the_upstream_thinks(
    road: Road, leave: Callable[[Wire], None], streamed: bool, sent: str
) -> None:
    reply = stream() if streamed else answer()
    whole = reply.all_bytes()
    end = {"nothing": 0, "head": whole.index(b"\r\n\r\n") + 4, "part": whole.index(b"\r\n\r\n") + 40}[sent]
    gate = Gate()
    road.upstream.script(raw(whole[:end], Flow.READ, gate, End.HANG))
    with road.begin(chat_body(stream=streamed)) as wire:
        gate.arrived()
        received = road.upstream.take()
        assert not received.gone.is_set()
        leave(wire)
        wait_gone(received)
