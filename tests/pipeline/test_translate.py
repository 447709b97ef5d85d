"""Translate: what reaches the upstream is the caller's body to the byte, but for `model` and `stream_options`."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.pipeline.conftest import Road
from tests.support.gateway import UPSTREAM_KEY
from tests.support.reply import stream

ASKED = b'"stream_options":{"include_usage":true}'


def sent(road: Road, body: bytes) -> bytes:
    """What reaches the upstream for `body`."""
    if json.loads(body).get("stream"):
        road.upstream.otherwise = stream()
    answer = road.chat(body)
    assert answer.status == 200, answer.body
    received = road.upstream.take()
    assert received.header("content-length") == str(len(received.body))
    return received.body


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"model":"m","messages":[]}', id="plain"),
        pytest.param(b' \r\n\t{ "messages" :\n[ ] ,\t"model"  :  "m"  } \n', id="white-space"),
        pytest.param('{"model":"m","messages":[{"content":"żółć 你好 😀 \u2028\ufeff"}]}'.encode(), id="unicode"),
        pytest.param(
            rb'{"model":"m","messages":[{"content":"\u00e9\/\b\f\n\r\t\"\\\ud83d\ude00\u0000"}]}', id="escapes"
        ),
        pytest.param(rb'{"model":"m","messages":[{"content":"\ud800"}]}', id="lone-surrogate"),
        pytest.param(
            b'{"model":"m","messages":[],"seed":123456789012345678901234567890,"a":1.0,"b":1e400,"c":-0,"d":0.1e-7}',
            id="numbers",
        ),
        pytest.param(b'{"z":1,"model":"m","a":{"model":"m","stream":true},"messages":[]}', id="order-and-depth"),
        pytest.param(
            b'{"model":"m","messages":[],"x_unknown":{"y":[null,true,false,"",{}]},"":0}', id="unknown-fields"
        ),
        pytest.param(b'{"model":"m","messages":[{"content":"\\"model\\":\\"m\\""}]}', id="model-in-a-text"),
        pytest.param(b'{"model":"m","messages":[],"pad":"' + b"x" * 20_000 + b'"}', id="over-16-KiB"),
        pytest.param(b'{"pad":"' + b"x" * 3_000_000 + b'","model":"m","messages":[]}', id="3-MB"),
    ],
)
def test_nothing_but_the_model_is_changed(road: Road, body: bytes) -> None:
    at = next(body.index(form) for form in (b'"model":"m"', b'"model"  :  "m"') if form in body)
    at = body.index(b'"m"', at)
    assert sent(road, body) == body[:at] + b'"up-model"' + body[at + 3 :]


def test_an_escaped_key_is_left_as_it_is(road: Road) -> None:
    assert sent(road, rb'{"m\u006fdel":"\u006d","messages":[]}') == rb'{"m\u006fdel":"up-model","messages":[]}'


@pytest.mark.parametrize("flag", [b"false", b"null"])
def test_no_options_are_added_where_nothing_is_streamed(road: Road, flag: bytes) -> None:
    body = b'{"model":"m","messages":[],"stream":' + flag + b',"stream_options":{"include_usage":false}}'
    assert sent(road, body) == body.replace(b'"m"', b'"up-model"')


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(b"", None, id="absent"),
        pytest.param(b',"stream_options":{}', b',"stream_options":{"include_usage":true}', id="empty"),
        pytest.param(b',"stream_options":{ }', b',"stream_options":{"include_usage":true }', id="white-space"),
        pytest.param(b',"stream_options":null', b"," + ASKED, id="null"),
        pytest.param(b',"stream_options":{"include_usage":true}', b"," + ASKED, id="true"),
        pytest.param(b',"stream_options":{"include_usage":false}', b"," + ASKED, id="false"),
        pytest.param(b',"stream_options":{"include_usage":null}', b"," + ASKED, id="include-null"),
        pytest.param(
            b',"stream_options": { "include_usage" : false , "x":1}',
            b',"stream_options": { "include_usage" : true , "x":1}',
            id="false-with-others",
        ),
        pytest.param(
            b',"stream_options":{"include_obfuscation":false}',
            b',"stream_options":{"include_usage":true,"include_obfuscation":false}',
            id="others-only",
        ),
        pytest.param(
            b',"stream_options":{"x":{"include_usage":false},"include_usage":true}',
            b',"stream_options":{"x":{"include_usage":false},"include_usage":true}',
            id="deeper",
        ),
    ],
)
@pytest.mark.parametrize("model_first", [True, False])
def test_usage_is_always_asked_of_a_stream(road: Road, given: bytes, expected: bytes | None, model_first: bool) -> None:
    rest = b'"messages":[],"stream":true' + given
    body = b'{"model":"m",' + rest + b"}" if model_first else b"{" + rest + b',"model":"m"}'
    received = sent(road, body)
    if expected is None:
        parsed = json.loads(received)
        assert parsed.pop("stream_options") == {"include_usage": True}
        assert parsed == {**json.loads(body), "model": "up-model"}
        assert received.replace(ASKED + b",", b"", 1) == body.replace(b'"m"', b'"up-model"')
    else:
        assert received == body.replace(given, expected).replace(b'"m"', b'"up-model"')


def test_a_large_stream_request_is_spliced_in_both_places(road: Road) -> None:
    body = b'{"stream":true,"pad":"' + b"x" * 100_000 + b'","model":"m","messages":[]}'
    received = sent(road, body)
    parsed: dict[str, Any] = json.loads(received)
    assert (parsed["model"], parsed["stream_options"]) == ("up-model", {"include_usage": True})
    assert received.count(b"x" * 100_000) == 1


def test_the_upstream_is_sent_a_list_of_headers_and_no_other(road: Road) -> None:
    passed = [
        ("x-custom", "canary-header"),
        ("accept-encoding", "gzip"),
        ("accept", "text/html"),
        ("user-agent", "canary-agent"),
        ("openai-organization", "canary-organization"),
        ("x-forwarded-for", "1.2.3.4"),
        ("forwarded", "for=1.2.3.4"),
        ("traceparent", "not a trace"),
        ("x-tollway-trailer", "true"),
        ("te", "trailers"),
        ("cookie", "canary=1"),
    ]
    assert road.chat(None, *passed).status == 200
    received = road.upstream.take()
    assert b"canary-header" not in received.head
    assert {name for name, _ in received.headers} == {
        "host",
        "content-type",
        "accept",
        "accept-encoding",
        "user-agent",
        "authorization",
        "content-length",
        "traceparent",
    }
    # Made here: what the caller sent was none.
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", received.header("traceparent") or "")
    assert received.header("authorization") == f"Bearer {UPSTREAM_KEY}"
    assert received.header("accept-encoding") == "identity"
    assert received.header("host") == f"127.0.0.1:{road.upstream.port}"
    assert (received.method, received.target, received.version) == ("POST", "/v1/chat/completions", "HTTP/1.1")
    assert "canary" not in received.head.decode().replace(UPSTREAM_KEY, "")


@pytest.mark.parametrize(
    "header", [("connection", "authorization, x-custom"), ("connection", "keep-alive"), ("upgrade", "h2c")]
)
def test_hop_by_hop_headers_end_here(road: Road, header: tuple[str, str]) -> None:
    assert road.chat(None, header).status == 200
    received = road.upstream.take()
    assert received.header("authorization") == f"Bearer {UPSTREAM_KEY}"
    assert (received.header("connection"), received.header("upgrade")) == (None, None)
