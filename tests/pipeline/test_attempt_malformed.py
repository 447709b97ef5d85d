"""Attempt: answers that break off, are none, or hold an error: in the right words, and never as a success."""

from __future__ import annotations

import json

import pytest

from tests.pipeline.conftest import Road
from tests.support.errors import is_error, is_error_object
from tests.support.gateway import UPSTREAM_KEY
from tests.support.reply import (
    DONE,
    AnyReply,
    End,
    Reply,
    answer,
    chunk,
    completion,
    cut,
    data,
    error,
    events,
    raw,
    stream,
    whole,
)
from tests.support.upstream import wait_gone


def test_an_error_with_an_endless_body_ends(road: Road) -> None:
    body = b"x" * (1 << 20)
    for status in (400, 500):
        road.upstream.script(Reply(status=status, body=(body, body, End.HANG), framing="chunked"))
        told = road.chat()
        assert told.status == {400: 400, 500: 502}[status]
        is_error_object(told.json()["error"])
        assert len(told.body) < 100_000
        wait_gone(road.upstream.take())


STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])

INSIDE = [
    (
        {"message": "Slow down.", "type": "x", "param": None, "code": "rate_limit_exceeded"},
        429,
        "upstream_rate_limited",
    ),
    ({"message": "Too many.", "type": "overloaded_error"}, 503, "upstream_overloaded"),
    ({"message": "Bad key sk-canary.", "code": "invalid_api_key"}, 502, "upstream_credentials"),
    ({"message": "Something else.", "type": "server_error"}, 502, "upstream_error"),
    ({"message": "Gone wrong.", "code": 500}, 502, "upstream_error"),
    ({"message": "Too long.", "code": "context_length_exceeded", "param": "messages"}, 400, "context_length_exceeded"),
]


@STREAMED
@pytest.mark.parametrize(("inside", "status", "code"), INSIDE)
def test_an_error_inside_a_200(road: Road, inside: dict[str, object], status: int, code: str, streamed: bool) -> None:
    road.upstream.script(whole(json.dumps({"error": inside}).encode()))
    told = road.stream() if streamed else road.chat()
    param = inside.get("param") if status == 400 else None
    is_error(told, status, code, str(param) if param else None)
    assert b"canary" not in told.body


@pytest.mark.parametrize(("inside", "status", "code"), INSIDE)
@pytest.mark.parametrize("after", ["nothing", "comment", "role"])
def test_an_error_inside_a_stream_before_its_content(
    road: Road, inside: dict[str, object], status: int, code: str, after: str
) -> None:
    first = {"nothing": b"", "comment": b": ping\n\n", "role": events()[0]}[after]
    road.upstream.script(stream([first, data({"error": inside}), DONE]))
    told = road.stream()
    param = inside.get("param") if status == 400 else None
    is_error(told, status, code, str(param) if param else None)
    assert b"canary" not in told.body


def test_an_error_that_is_null_is_none(road: Road) -> None:
    sent = [chunk({"content": "fine"}, error=None), chunk(finish="stop", error=None), DONE]
    road.upstream.script(whole(completion(error=None)), stream(sent))
    assert road.chat().body == completion(error=None)
    assert road.stream().body == b"".join(sent)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 413, 422, 429, 500, 503])
def test_an_upstream_that_quotes_our_key(road: Road, status: int) -> None:
    # It may echo the request's headers, and errors may be about anything: our key is never the caller's to see.
    road.upstream.otherwise = error(status, f"You sent authorization: Bearer {UPSTREAM_KEY}.", "strange")
    for told in (road.chat(), road.stream()):
        assert told.status >= 400
        shown = UPSTREAM_KEY.encode() in told.body + str(told.headers).encode()
        assert not shown, told.status
    assert UPSTREAM_KEY not in road.gateway.log


def test_an_upstream_that_quotes_our_key_in_the_middle_of_a_stream(road: Road) -> None:
    said = {"message": f"You sent authorization: Bearer {UPSTREAM_KEY}.", "type": "x", "param": None, "code": "x"}
    road.upstream.script(stream([*events()[:2], data({"error": said}), DONE]))
    told = road.stream()
    assert told.status == 200
    shown = UPSTREAM_KEY.encode() in told.body
    assert not shown


MALFORMED: dict[str, AnyReply] = {
    "html": Reply(headers=(("content-type", "text/html"),), body=(b"<html>Welcome</html>",)),
    "empty": whole(b""),
    "text": whole(b"hello"),
    "array": whole(b"[]"),
    "null": whole(b"null"),
    "cut-json": whole(completion()[:-5]),
    "two-documents": whole(completion() * 2),
    "not-utf8": whole(completion().replace(b"Hello", b"\xff\xfe")),
    "gzip-in-spite": Reply(
        headers=(("content-type", "application/json"), ("content-encoding", "gzip")), body=(b"\x1f\x8b\x08\x00",)
    ),
    "204": raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "205": raw(b"HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n"),
}


@pytest.mark.parametrize("reply", MALFORMED.values(), ids=MALFORMED)
def test_answers_that_are_none(road: Road, reply: AnyReply) -> None:
    road.upstream.script(reply)
    is_error(road.chat(), 502, "upstream_error")


def test_a_stream_that_nobody_asked_for(road: Road) -> None:
    road.upstream.script(stream())
    is_error(road.chat(), 502, "upstream_error")


def test_an_event_without_end(road: Road) -> None:
    before = road.gateway.rss()
    road.upstream.script(stream([b"data: ", *[b"x" * (1 << 20)] * 64, End.HANG]))
    is_error(road.stream(), 502, "upstream_error")
    wait_gone(road.upstream.take())
    assert road.gateway.rss() - before < 64 << 20


MALFORMED_STREAMS: dict[str, AnyReply] = {
    **MALFORMED,
    "whole-answer": answer(),
    "html-called-stream": stream([b"<html>Welcome</html>"]),
    "empty-stream": stream([]),
    "comments-only": stream([b": ping\n\n"] * 10),
    "not-json": stream([data("hello"), DONE]),
    "array-event": stream([data([]), DONE]),
    "cut-event": stream([events()[1][:-20] + b"\n\n", DONE]),
    "not-utf8-event": stream([events()[1].replace(b"Hello", b"\xff\xfe"), DONE]),
    "preamble-only": stream([events()[0]]),
    "no-line-break": stream([b"x" * 100_000]),
}


@pytest.mark.parametrize("reply", MALFORMED_STREAMS.values(), ids=MALFORMED_STREAMS)
def test_streams_that_are_none(road: Road, reply: AnyReply) -> None:
    road.upstream.script(reply)
    is_error(road.stream(), 502, "upstream_error")


@pytest.mark.parametrize("piece", [b": ping\n\n", chunk({"role": "assistant"}), chunk({"content": ""}), b"x" * 1000])
def test_a_stream_without_content_does_not_go_on_for_ever(road: Road, piece: bytes) -> None:
    road.upstream.script(stream([piece * (100_000 // len(piece))] * 400))
    told = road.stream()
    is_error(told, 502, "upstream_error")
    wait_gone(road.upstream.take())


def test_an_upstream_that_hangs_up_at_any_byte_of_an_answer(road: Road) -> None:
    reply = answer("ok")
    for offset in range(len(reply.all_bytes())):
        road.upstream.script(cut(reply, offset))
        is_error(road.chat(), 502, "upstream_error")


def test_an_upstream_that_resets_at_any_byte_of_an_answer(road: Road) -> None:
    reply = answer("ok")
    for offset in range(0, len(reply.all_bytes()), 5):
        road.upstream.script(cut(reply, offset, End.RESET))
        is_error(road.chat(), 502, "upstream_error")


def test_an_upstream_that_hangs_up_at_any_byte_of_a_chunked_answer(road: Road) -> None:
    reply = Reply(body=(completion("ok")[:50], completion("ok")[50:]), framing="chunked")
    for offset in range(0, len(reply.all_bytes()), 3):
        road.upstream.script(cut(reply, offset))
        is_error(road.chat(), 502, "upstream_error")


def test_an_upstream_that_hangs_up_at_any_byte_of_an_error(road: Road) -> None:
    reply = error(400, "Too long.")
    for offset in range(0, len(reply.all_bytes()), 3):
        road.upstream.script(cut(reply, offset))
        told = road.chat()
        assert told.status in {400, 502}
        is_error_object(told.json()["error"])
