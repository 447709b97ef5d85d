"""Accept: what a request must be before anyone asks who sent it, and how what it is not is refused."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest

from tests.pipeline.conftest import Road
from tests.support.errors import is_error
from tests.support.gateway import chat_body
from tests.support.wire import ask, request

MESSAGES = b'"messages":[{"role":"user","content":"Hello?"}]'


def body_with(more: bytes) -> bytes:
    """A good body with one more member at its end."""
    return b'{"model":"m",' + MESSAGES + b"," + more + b"}"


def refused(road: Road, body: bytes, param: str) -> str:
    """Check that `body` is refused as `invalid_request` at `param`, and reaches no upstream; the message."""
    message = is_error(road.chat(body), 400, "invalid_request", param)["message"]
    assert road.upstream.requests == []
    return str(message)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param(b"", "body", id="nothing"),
        pytest.param(b" \n\t", "body", id="white-space"),
        pytest.param(b"hello", "body", id="text"),
        pytest.param(b"model=m&stream=true", "body", id="form"),
        pytest.param(b"{", "body", id="open-object"),
        pytest.param(b'{"model":"m",' + MESSAGES, "messages", id="cut-at-the-end"),
        pytest.param(b'{"model":"m","messages":[{"role":"user"', "messages[0].role", id="cut-within"),
        pytest.param(b'{"model":"m', "model", id="cut-in-a-string"),
        pytest.param(body_with(b""), "body", id="comma-at-the-end"),
        pytest.param(b'{"model":"m",' + MESSAGES + b"}}", "body", id="brace-too-many"),
        pytest.param(b'{"model":"m",' + MESSAGES + b"}{}", "body", id="two-documents"),
        pytest.param(b"{'model':'m'}", "body", id="single-quotes"),
        pytest.param(b"{model:1}", "body", id="bare-key"),
        pytest.param(b'{"model" "m"}', "body", id="no-colon"),
        pytest.param(b'{"model":"m" ' + MESSAGES + b"}", "model", id="no-comma"),
        pytest.param(body_with(b'"n":01'), "n", id="leading-zero"),
        pytest.param(body_with(b'"n":+1'), "n", id="plus"),
        pytest.param(body_with(b'"n":.5'), "n", id="no-digit-before-the-point"),
        pytest.param(body_with(b'"n":1.'), "n", id="no-digit-after-the-point"),
        pytest.param(body_with(b'"n":1e'), "n", id="no-exponent"),
        pytest.param(body_with(b'"n":NaN'), "n", id="not-a-number"),
        pytest.param(body_with(b'"n":Infinity'), "n", id="infinity"),
        pytest.param(body_with(b'"n":True'), "n", id="python-literal"),
        pytest.param(body_with(b'"n":undefined'), "n", id="undefined"),
        pytest.param(body_with(b'"n":"a\nb"'), "n", id="raw-line-break"),
        pytest.param(body_with(b'"n":"a\x00b"'), "n", id="raw-zero"),
        pytest.param(body_with(b'"n":"\\x41"'), "n", id="unknown-escape"),
        pytest.param(body_with(b'"n":"\\u00g0"'), "n", id="bad-unicode-escape"),
        pytest.param(body_with(b'"n":1 // note'), "n", id="comment"),
        pytest.param(b"\xef\xbb\xbf" + body_with(b'"n":1'), "body", id="byte-order-mark"),
    ],
)
def test_broken_json(road: Road, body: bytes, param: str) -> None:
    assert "JSON" in refused(road, body, param)


def test_a_fault_is_told_with_line_and_column(road: Road) -> None:
    message = refused(road, b'{\n  "model": "m",\n  "messages": [1,,2]\n}', "messages[1]")
    assert "line 3, column 18" in message


def test_a_refusal_does_not_repeat_the_body(road: Road) -> None:
    message = refused(road, b'{"model":"m","messages":"canary-content"}', "messages")
    assert "canary" not in message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"[]", "body"),
        (b'"m"', "body"),
        (b"1", "body"),
        (b"null", "body"),
        (b'{"model":1,' + MESSAGES + b"}", "model"),
        (b'{"model":null,' + MESSAGES + b"}", "model"),
        (b'{"model":["m"],' + MESSAGES + b"}", "model"),
        (b'{"model":{"m":1},' + MESSAGES + b"}", "model"),
        (b'{"model":"m","messages":"Hello?"}', "messages"),
        (b'{"model":"m","messages":{}}', "messages"),
        (b'{"model":"m","messages":null}', "messages"),
        (b'{"model":"m","messages":1}', "messages"),
        (body_with(b'"stream":"true"'), "stream"),
        (body_with(b'"stream":1'), "stream"),
        (body_with(b'"stream":[]'), "stream"),
        (body_with(b'"stream":true,"stream_options":true'), "stream_options"),
        (body_with(b'"stream":true,"stream_options":[]'), "stream_options"),
        (body_with(b'"stream":true,"stream_options":"x"'), "stream_options"),
        (body_with(b'"stream":true,"stream_options":{"include_usage":"yes"}'), "stream_options.include_usage"),
        (body_with(b'"stream":true,"stream_options":{"include_usage":1}'), "stream_options.include_usage"),
        (body_with(b'"stream_options":{"include_usage":{}}'), "stream_options.include_usage"),
        (body_with(b'"metadata":[]'), "metadata"),
        (body_with(b'"metadata":"x"'), "metadata"),
    ],
)
def test_wrong_types(road: Road, body: bytes, param: str) -> None:
    refused(road, body, param)


@pytest.mark.parametrize(
    ("body", "param"), [(b"{}", "model"), (b"{" + MESSAGES + b"}", "model"), (b'{"model":"m"}', "messages")]
)
def test_missing_members(road: Road, body: bytes, param: str) -> None:
    assert param in refused(road, body, param)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"model":"m","model":"m",' + MESSAGES + b"}", "model"),
        (b'{"model":"m",' + MESSAGES + b',"model":"retrying"}', "model"),
        (b'{"model":"m",' + MESSAGES + b"," + MESSAGES + b"}", "messages"),
        (body_with(b'"stream":false,"stream":true'), "stream"),
        (body_with(b'"x":1,"y":2,"x":1'), "x"),
        (body_with(b'"stream_options":{},"stream_options":{}'), "stream_options"),
        (body_with(b'"stream_options":{"include_usage":true,"include_usage":false}'), "stream_options.include_usage"),
        (body_with(b'"stream_options":{"a":1,"b":2,"a":3}'), "stream_options.a"),
        (body_with(b'"metadata":{"team":"a","team":"b"}'), "metadata.team"),
    ],
)
def test_duplicate_keys(road: Road, body: bytes, param: str) -> None:
    assert "twice" in refused(road, body, param)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"model":"m",' + MESSAGES + rb',"mod\u0065l":"retrying"}', "model"),
        (rb'{"\u006d\u006f\u0064\u0065\u006c":"m","model":"retrying",' + MESSAGES + b"}", "model"),
        (body_with(rb'"stream":false,"\u0073tream":true'), "stream"),
        (body_with(rb'"stream_options":{"include_usage":true,"include\u005Fusage":false}'), None),
        (body_with(rb'"metadata":{"a\/b":1,"a/b":2}'), None),
        (body_with(rb'"\ud83d\ude00":1,' + '"😀":2'.encode()), None),
        (body_with(b'"":1,"":2'), None),
    ],
)
def test_duplicate_keys_in_another_spelling(road: Road, body: bytes, param: str | None) -> None:
    answer = road.chat(body)
    named = answer.json()["error"]["param"] if param is None else param
    assert "twice" in is_error(answer, 400, "invalid_request", named)["message"]
    assert road.upstream.requests == []


def test_equal_keys_deeper_pass_as_they_are(road: Road) -> None:
    body = body_with(b'"tools":[{"a":1,"a":2}],"metadata":{"x":{"b":1,"b":2}}')
    assert road.chat(body).status == 200
    assert road.upstream.take().body == body.replace(b'"m"', b'"up-model"')


def test_keys_are_told_apart_by_case(road: Road) -> None:
    assert road.chat(body_with(b'"Model":"retrying","STREAM":true')).status == 200
    assert road.upstream.take().json()["Model"] == "retrying"


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_64_levels_pass_and_65_do_not(road: Road, opening: bytes, closing: bytes) -> None:
    def deep(levels: int) -> bytes:
        # The body's own object is the first level.
        return body_with(b'"x":' + opening * (levels - 1) + b"1" + closing * (levels - 1))

    assert road.chat(deep(64)).status == 200
    road.upstream.take()
    road.upstream.reset()
    error = road.chat(deep(65)).json()["error"]
    assert "deep" in error["message"]
    is_error(road.chat(deep(65)), 400, "invalid_request", error["param"])
    assert road.upstream.requests == []


def test_a_body_of_nothing_but_brackets_is_refused(road: Road) -> None:
    assert road.chat(b"[" * 1_000_000).status == 400
    is_error(road.chat(body_with(b'"x":' + b"[" * 1_000_000)), 400, "invalid_request", "x" + "[0]" * 63)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(b"\xff", id="no-such-byte"),
        pytest.param(b"\xc3", id="cut-short"),
        pytest.param(b"\xc0\xaf", id="overlong"),
        pytest.param(b"\xed\xa0\x80", id="surrogate"),
        pytest.param(b"\xf4\x90\x80\x80", id="beyond-unicode"),
        pytest.param("naïve".encode("latin-1"), id="latin-1"),
        pytest.param("hi".encode("utf-16"), id="utf-16"),
    ],
)
def test_invalid_utf8(road: Road, bad: bytes) -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"' + bad + b'"}]}'
    assert "UTF-8" in refused(road, body, "messages[0].content")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "GZIP", "gzip, identity", "x-unknown"])
def test_compressed_bodies(road: Road, coding: str) -> None:
    answer = road.chat(gzip.compress(json.dumps(chat_body()).encode()), ("content-encoding", coding))
    is_error(answer, 415, "unsupported_encoding")
    assert road.upstream.requests == []


def test_a_compression_bomb_is_never_unpacked(road: Road) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    before = road.gateway.rss()
    is_error(road.chat(bomb, ("content-encoding", "gzip")), 415, "unsupported_encoding")
    assert road.gateway.rss() - before < 32 << 20


@pytest.mark.parametrize("coding", ["identity", "Identity"])
def test_identity_is_no_compression(road: Road, coding: str) -> None:
    assert road.chat(None, ("content-encoding", coding)).status == 200


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/json; charset=utf-8"])
def test_the_body_is_json_whatever_it_is_called(road: Road, kind: str) -> None:
    data = json.dumps(chat_body()).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {road.gateway.key}\r\n"
        f"content-type: {kind}\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    assert ask(road.gateway.address, head.encode() + data).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "/V1/chat/completions",
        "/v1/chat/completions%2f",
        "/v1/chat/../chat/completions",
        "/v1/models/",
        "/health",
        "/metrics",
        "/admin/v1/health",
    ],
)
def test_unknown_paths(road: Road, path: str) -> None:
    for key in (road.gateway.key, None):
        data = request(chat_body(), key=key, target=path)
        is_error(ask(road.gateway.address, data), 404, "unknown_url")
    assert road.upstream.requests == []


@pytest.mark.parametrize("path", ["/v1/chat/completions?x=1", "http://gateway/v1/chat/completions"])
def test_a_query_or_an_absolute_target_changes_nothing(road: Road, path: str) -> None:
    assert ask(road.gateway.address, request(chat_body(), key=road.gateway.key, target=path)).status == 200
    assert road.upstream.take().target == "/v1/chat/completions"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/chat/completions"),
        ("PUT", "/v1/chat/completions"),
        ("DELETE", "/v1/models"),
        ("POST", "/v1/models"),
        ("PUT", "/v1/models/m"),
        ("PATCH", "/health/live"),
        ("TRACE", "/v1/chat/completions"),
        ("post", "/v1/chat/completions"),
        ("BREW", "/v1/chat/completions"),
    ],
)
def test_wrong_methods(road: Road, method: str, path: str) -> None:
    answer = ask(road.gateway.address, request(chat_body(), key=road.gateway.key, target=path, method=method))
    is_error(answer, 405, "method_not_allowed")
    assert answer.header("allow") is not None
    assert road.upstream.requests == []


def test_allow_names_what_the_path_takes(road: Road) -> None:
    def allowed(method: str, path: str) -> set[str]:
        answer = ask(road.gateway.address, request(None, key=road.gateway.key, target=path, method=method))
        return set((answer.header("allow") or "").split(", "))

    assert allowed("GET", "/v1/chat/completions") == {"POST"}
    assert allowed("POST", "/v1/models") == {"GET", "HEAD"}


@pytest.mark.parametrize("probe", ["live", "ready"])
def test_probes_need_no_key(road: Road, probe: str) -> None:
    answer = ask(road.gateway.address, request(None, key=None, target=f"/health/{probe}", method="GET"))
    assert answer.status == 200
    assert answer.json()["status"] == probe


def test_head_is_get_without_a_body(road: Road) -> None:
    data = request(None, key=None, target="/health/live", method="HEAD")
    answer = ask(road.gateway.address, data, bodiless=True)
    assert answer.status == 200
    assert int(answer.header("content-length") or 0) > 0


def test_expect_100_continue_is_answered(road: Road) -> None:
    head, _, data = request(chat_body(), [("expect", "100-continue")], key=road.gateway.key).partition(b"\r\n\r\n")
    with road.gateway.connect() as wire:
        wire.send(head + b"\r\n\r\n")
        assert wire.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        wire.send(data)
        assert wire.answer().status == 200


def test_expect_100_continue_without_a_key_costs_no_body(road: Road) -> None:
    head, _, _ = request(chat_body(), [("expect", "100-continue")], key=None).partition(b"\r\n\r\n")
    with road.gateway.connect() as wire:
        wire.send(head + b"\r\n\r\n")
        assert wire.until(b"\r\n").startswith(b"HTTP/1.1 401 ")


def test_one_connection_serves_many_requests(road: Road) -> None:
    with road.gateway.connect() as wire:
        for number in range(20):
            wire.send(request(chat_body(user=f"u{number}"), key=road.gateway.key))
            assert wire.answer().status == 200
            assert road.upstream.take().json()["user"] == f"u{number}"


def test_a_refusal_leaves_the_connection_usable(road: Road) -> None:
    with road.gateway.connect() as wire:
        for body, status in (
            (b"{", 400),
            (chat_body("nope"), 404),
            (chat_body(), 200),
            (b"[]", 400),
            (chat_body(), 200),
        ):
            wire.send(request(body, key=road.gateway.key))
            assert wire.answer().status == status


def test_pipelined_requests_are_answered_in_order(road: Road) -> None:
    with road.gateway.connect() as wire:
        wire.send(b"".join(request(chat_body(f"unknown-{number}"), key=road.gateway.key) for number in range(5)))
        for number in range(5):
            assert f"unknown-{number}" in wire.answer().json()["error"]["message"]
