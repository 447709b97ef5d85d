"""Attempt: how each failure of an upstream is told, what is tried again, and what is tried elsewhere."""

from __future__ import annotations

from email.utils import formatdate
from time import time

import pytest

from tests.pipeline.conftest import SECOND_KEY, Road
from tests.support.errors import is_error, is_error_object
from tests.support.gateway import UPSTREAM_KEY, chat_body
from tests.support.reply import (
    AnyReply,
    End,
    Gate,
    Reply,
    answer,
    completion,
    error,
    events,
    raw,
    stream,
    whole,
)
from tests.support.sse import text
from tests.support.upstream import wait_gone
from tests.support.wire import Answer

STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


def ask(road: Road, *, streamed: bool, model: str = "m") -> Answer:
    """A chat completion of either kind."""
    return road.stream(model) if streamed else road.chat(model=model)


@STREAMED
@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_what_the_caller_did_wrong_is_passed_on(road: Road, status: int, streamed: bool) -> None:
    said = error(
        status, "This model's maximum context length is 128 tokens.", "context_length_exceeded", param="messages"
    )
    road.upstream.script(said.with_headers(("x-request-id", "up-req-1")))
    told = ask(road, streamed=streamed)
    passed = is_error(told, status, "context_length_exceeded", "messages")
    assert passed["message"] == "This model's maximum context length is 128 tokens."
    assert passed["type"] == "some_error"
    assert told.header("x-tollway-upstream-request-id") == "up-req-1"
    assert told.header("x-request-id") != "up-req-1"
    assert told.header("x-tollway-attempts") == "1"


@pytest.mark.parametrize("status", [400, 404, 413, 422])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", None),
        (b"<html><h1>Bad</h1></html>", None),
        (b'{"detail":"Field required"}', "Field required"),
        (b'{"detail":[{"loc":["body","messages"],"msg":"Field required","type":"missing"}]}', "Field required"),
        (b'{"message":"No such model"}', "No such model"),
        (b'{"error":"No such model"}', "No such model"),
        (b'{"error":{"message":"No such model"}}', "No such model"),
        (b'{"error":{"message":"No such model","code":404,"extra":{"a":1}}}', "No such model"),
        (b'{"error":{"message":null}}', None),
        (b'{"error":[]}', None),
        (b"[]", None),
        (b'{"error":{"message":"\xff"}}', None),
        (b'{"error":{"message":"cut', None),
    ],
)
def test_errors_in_other_shapes_get_all_four_fields(road: Road, status: int, body: bytes, message: str | None) -> None:
    road.upstream.script(whole(body, status))
    told = road.chat()
    assert told.status == status
    assert set(told.json()) == {"error"}
    is_error_object(told.json()["error"])
    if message is not None:
        assert message in told.json()["error"]["message"]


@STREAMED
@pytest.mark.parametrize("status", [401, 403])
def test_our_own_credentials_are_not_the_callers_affair(road: Road, status: int, streamed: bool) -> None:
    said = error(status, f"Incorrect API key provided: {UPSTREAM_KEY}.", "invalid_api_key")
    road.upstream.script(said)
    told = ask(road, streamed=streamed)
    is_error(told, 502, "upstream_credentials")
    assert b"Incorrect" not in told.body
    assert UPSTREAM_KEY.encode() not in told.body
    assert told.header("x-should-retry") == "false"
    assert UPSTREAM_KEY not in road.gateway.log


@STREAMED
@pytest.mark.parametrize(
    ("header", "seconds", "milliseconds"),
    [
        (("retry-after", "7"), "7", "7000"),
        (("retry-after-ms", "2500"), "3", "2500"),
        (("retry-after", "0.5"), "1", "500"),
    ],
)
def test_a_rate_limit(road: Road, header: tuple[str, str], seconds: str, milliseconds: str, streamed: bool) -> None:
    road.upstream.script(error(429, "Slow down.", "rate_limit_exceeded").with_headers(header))
    told = ask(road, streamed=streamed, model="limited")
    is_error(told, 429, "upstream_rate_limited")
    assert (told.header("retry-after"), told.header("retry-after-ms")) == (seconds, milliseconds)


def test_a_rate_limit_until_a_date(road: Road) -> None:
    # RFC 9110 §10.2.3: retry-after is a number of seconds or a date.
    until = formatdate(time() + 100, usegmt=True)
    road.upstream.script(error(429, "Slow down.").with_headers(("retry-after", until)))
    told = road.chat(model="limited")
    is_error(told, 429, "upstream_rate_limited")
    assert 60 < int(told.header("retry-after") or 0) <= 101


@pytest.mark.parametrize("value", ["", "soon", "-1", "NaN", "99999999999999999999999999", "1e400"])
def test_a_rate_limit_until_nobody_knows(road: Road, value: str) -> None:
    road.upstream.script(error(429).with_headers(("retry-after", value)))
    told = road.chat(model="limited")
    is_error(told, 429, "upstream_rate_limited")
    assert int(told.header("retry-after") or 0) >= 1


@STREAMED
@pytest.mark.parametrize(
    ("status", "told_as", "code"),
    [
        (500, 502, "upstream_error"),
        (501, 502, "upstream_error"),
        (502, 502, "upstream_error"),
        (503, 503, "upstream_overloaded"),
        (504, 504, "upstream_timeout"),
        (408, 504, "upstream_timeout"),
        (529, 503, "upstream_overloaded"),
        (599, 502, "upstream_error"),
        (405, 502, "upstream_error"),
        (409, 502, "upstream_error"),
        (300, 502, "upstream_error"),
        (301, 502, "upstream_error"),
        (307, 502, "upstream_error"),
    ],
)
def test_what_the_upstream_did_wrong(road: Road, status: int, told_as: int, code: str, streamed: bool) -> None:
    for said in (error(status), whole(b"<html>oops</html>", status), whole(b"", status)):
        road.upstream.script(said.with_headers(("location", "http://127.0.0.1:9/elsewhere")))
        told = ask(road, streamed=streamed)
        is_error(told, told_as, code)
        assert told.header("location") is None


@STREAMED
def test_a_failed_attempt_is_made_again(road: Road, streamed: bool) -> None:
    good = stream() if streamed else answer()
    for bad in (
        error(500),
        error(503),
        error(429),
        raw(End.CLOSE),
        raw(End.RESET),
        raw(b"garbage\r\n\r\n"),
        whole(b"[]"),
    ):
        road.upstream.reset()
        road.upstream.script(bad, bad, good)
        told = ask(road, streamed=streamed, model="retrying")
        assert (told.status, told.header("x-tollway-attempts")) == (200, "3")
        first, *others = road.upstream.requests
        assert len(others) == 2
        for other in others:
            assert (other.body, other.target) == (first.body, first.target)


@STREAMED
def test_attempts_come_to_an_end(road: Road, streamed: bool) -> None:
    road.upstream.otherwise = error(500, "Out of order.")
    told = ask(road, streamed=streamed, model="retrying")
    message = is_error(told, 502, "upstream_error")["message"]
    assert "Out of order." in message
    assert told.header("x-tollway-attempts") == "3"
    assert len(road.upstream.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_what_would_fail_again_is_not_tried_again(road: Road, status: int) -> None:
    road.upstream.otherwise = error(status)
    assert road.chat(model="retrying").header("x-tollway-attempts") == "1"
    assert len(road.upstream.requests) == 1


def test_no_retry_is_made_before_the_upstream_allows_it(road: Road) -> None:
    # It wants more time than a caller is kept waiting for one target.
    road.upstream.otherwise = error(429).with_headers(("retry-after", "30"))
    told = road.chat(model="limited-retrying")
    is_error(told, 429, "upstream_rate_limited")
    assert (told.header("retry-after"), told.header("x-tollway-attempts")) == ("30", "1")


@STREAMED
@pytest.mark.parametrize(
    "bad",
    [
        error(500),
        error(503),
        error(429),
        error(401),
        error(403),
        raw(End.CLOSE),
        whole(b"x"),
        stream([events()[0]]),
    ],
    ids=["500", "503", "429", "401", "403", "close", "text", "no-content"],
)
def test_another_target_serves(road: Road, bad: AnyReply, streamed: bool) -> None:
    road.upstream.script(bad)
    road.second.script(stream(events(["from the second"])) if streamed else answer("from the second"))
    told = ask(road, streamed=streamed, model="fallback")
    assert told.status == 200, told.body
    assert (text(told.body) if streamed else told.json()["choices"][0]["message"]["content"]) == "from the second"
    assert told.header("x-tollway-provider") == "second"
    assert told.header("x-tollway-model") == "second-model"
    assert told.header("x-tollway-attempts") == "2"
    first, second = road.upstream.take(), road.second.take()
    assert (first.json()["model"], second.json()["model"]) == ("first-model", "second-model")
    assert first.header("authorization") == f"Bearer {UPSTREAM_KEY}"
    assert second.header("authorization") == f"Bearer {SECOND_KEY}"


@STREAMED
@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_another_target_would_refuse_it_too(road: Road, status: int, streamed: bool) -> None:
    road.upstream.script(error(status))
    told = ask(road, streamed=streamed, model="fallback")
    assert (told.status, told.header("x-tollway-provider")) == (status, "up")
    assert road.second.requests == []


def test_a_target_that_nobody_answers_for(road: Road) -> None:
    told = road.chat(model="from-nowhere")
    assert (told.status, told.header("x-tollway-provider"), told.header("x-tollway-attempts")) == (200, "up", "2")
    is_error(road.chat(model="nowhere"), 502, "upstream_unreachable")


def test_each_target_is_tried_as_often_as_it_may(road: Road) -> None:
    road.upstream.otherwise, road.second.otherwise = error(500), error(503, "Second is full.")
    told = road.chat(model="retrying-fallback")
    message = is_error(told, 503, "upstream_overloaded")["message"]
    assert "Second is full." in message
    assert told.header("x-tollway-attempts") == "4"
    assert (len(road.upstream.requests), len(road.second.requests)) == (2, 2)


def test_every_target_rate_limited_tells_the_shortest_wait(road: Road) -> None:
    for model, first, second in (("limited-fallback-1", 20, 50), ("limited-fallback-2", 50, 20)):
        road.upstream.script(error(429).with_headers(("retry-after", str(first))))
        road.second.script(error(429).with_headers(("retry-after", str(second))))
        told = road.chat(model=model)
        is_error(told, 429, "upstream_rate_limited")
        assert told.header("retry-after") == "20"


def test_the_last_failure_is_told(road: Road) -> None:
    road.upstream.script(error(429).with_headers(("retry-after", "20")))
    road.second.script(error(500, "The second one failed."))
    told = road.chat(model="limited-fallback-3")
    assert "The second one failed." in is_error(told, 502, "upstream_error")["message"]
    assert told.header("retry-after") is None


@STREAMED
def test_no_first_token(road: Road, streamed: bool) -> None:
    gate = Gate()
    road.upstream.script(raw(gate))
    is_error(
        ask(road, streamed=streamed, model="brief-first-token" if streamed else "brief-total"), 504, "upstream_timeout"
    )
    wait_gone(road.upstream.take())


def test_no_first_token_after_the_head_or_the_role(road: Road) -> None:
    for first in ([], [events()[0]], [b": ping\n\n"], [b"data: {"]):
        road.upstream.script(stream([*first, End.HANG]))
        is_error(road.stream("brief-first-token"), 504, "upstream_timeout")
        wait_gone(road.upstream.take())


def test_pings_are_no_first_token(road: Road) -> None:
    # Each comes within any idle timeout, and yet nothing ever begins.
    gate = Gate()
    road.upstream.script(stream([b": ping\n\n", b": ping\n\n", gate]))
    is_error(road.stream("brief-first-token"), 504, "upstream_timeout")
    wait_gone(road.upstream.take())


def test_an_answer_that_stands_still_in_the_middle(road: Road) -> None:
    body = completion()
    road.upstream.script(Reply(body=(body[:30], End.HANG), framing="chunked"))
    is_error(road.chat(model="brief-total"), 504, "upstream_timeout")
    wait_gone(road.upstream.take())


def test_a_timeout_leads_to_the_next_target(road: Road) -> None:
    road.upstream.script(raw(End.HANG))
    told = road.gateway.chat(chat_body("timeout-fallback"))
    assert (told.status, told.header("x-tollway-provider"), told.header("x-tollway-attempts")) == (200, "second", "2")
    wait_gone(road.upstream.take())
