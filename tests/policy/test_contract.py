"""What a hook sees of a request and a response, and which answers it can make."""

from __future__ import annotations

import pytest

from tollway.policy import Request, Response, allow, reject, replace
from tollway.policy.contract import LONGEST_MESSAGE, MOST_FLAGS

CONTEXT = {
    "phase": "request",
    "request_id": "req_1",
    "route": "support",
    "endpoint": "chat/completions",
    "stream": False,
    "key": {"id": "k1", "team": "t", "project": None, "environment": "dev"},
}


def test_a_request_says_who_asks_for_what() -> None:
    request = Request(CONTEXT, b'{"model": "support"}')
    assert (request.request_id, request.route, request.endpoint) == ("req_1", "support", "chat/completions")
    assert (request.key.id, request.key.team, request.key.project, request.key.environment) == ("k1", "t", None, "dev")
    assert request.stream is False
    assert request.body == {"model": "support"}


def test_the_body_is_read_once_and_kept() -> None:
    request = Request(CONTEXT, b"{}")
    request.body["model"] = "other"
    assert request.body == {"model": "other"}


@pytest.mark.parametrize("raw", [b"[]", b"nonsense", b"", b"\xff"])
def test_a_body_that_is_no_object_raises(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        _ = Request(CONTEXT, raw).body


def test_a_printed_request_shows_nothing_of_its_body() -> None:
    request = Request(CONTEXT, b'{"messages": "canary"}')
    assert request.body
    assert "canary" not in f"{request} {request!r} {vars(request) if hasattr(request, '__dict__') else ''}"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_events_of_a_stream(end: str) -> None:
    lines = [": ping", 'data: {"a": 1}', "", "event: x", 'data:{"b":', "data: 2}", "", "data: [DONE]", "", ""]
    response = Response(CONTEXT | {"stream": True}, end.join(lines).encode())
    assert list(response.events()) == [{"a": 1}, {"b": 2}]


def test_an_event_may_hold_a_unicode_line_separator() -> None:
    response = Response(CONTEXT, 'data: {"a": "x\u2028y\x85"}\n\n'.encode())
    assert list(response.events()) == [{"a": "x\u2028y\x85"}]


def test_the_last_event_of_a_cut_stream_is_seen() -> None:
    assert list(Response(CONTEXT, b'data: {"a": 1}').events()) == [{"a": 1}]


@pytest.mark.parametrize("raw", [b"data: nonsense\n\n", b"data: []\n\n"])
def test_an_event_that_is_no_object_raises(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        list(Response(CONTEXT, raw).events())


def test_a_refusal_always_has_a_message_and_a_bound() -> None:
    assert reject("  no  ").message == "no"
    assert reject("").message
    assert len(reject("x" * 5000).message or "") == LONGEST_MESSAGE


def test_flags_are_kept() -> None:
    assert allow(flags=["pii", "eu-only"]).flags == ("pii", "eu-only")
    assert replace({}, flags=["seen"]).flags == ("seen",)


@pytest.mark.parametrize(
    "flags", ["text", [""], ["a,b"], ["a\r\nb"], ["a b"], ["x" * 65], [1], ["f"] * (MOST_FLAGS + 1)]
)
def test_flags_that_no_header_could_carry_are_refused(flags: list[str]) -> None:
    with pytest.raises((ValueError, TypeError)):
        allow(flags=flags)
