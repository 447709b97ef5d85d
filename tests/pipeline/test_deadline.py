"""Deadlines: of the route, or shorter by the caller; before the answer and in the middle of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipeline.lab import Lab, each, laboratory, late, to
from tests.support.errors import is_error
from tests.support.reply import End, Reply, answer, completion, error, events, raw, stream
from tests.support.upstream import wait_gone
from tests.support.waiting import eventually

TIMEOUT = ("x-tollway-timeout", "300ms")


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started once for this file."""
    routes = {
        **{
            f"by-route-{kind}": {"deadline": "300ms", **each(f"by-route-{kind}", "a", "b")}
            for kind in ("whole", "streamed")
        },
        "by-caller": each("by-caller", "a", "b"),
        "longer": {"deadline": "300ms", **each("longer", "a")},
        "estimate": each("estimate", "a", "b"),
        "all-late": each("all-late", "a"),
        "retries": {**to("a", "retries"), "max_retries": 9},
        "by-rule": {
            "rules": [{"when": "deadline.left_ms < 5000", **to("a", "by-rule")}],
            "default": to("b", "by-rule"),
        },
    }
    with laboratory(tmp_path_factory.mktemp("deadline"), routes) as lab:
        yield lab


@pytest.mark.parametrize("kind", ["whole", "streamed"])
@pytest.mark.parametrize("who", ["by-route", "by-caller"])
def test_no_answer_in_time(lab: Lab, who: str, kind: str) -> None:
    lab.fails(lab.a, lab.b, reply=raw(End.HANG))
    by_caller = who == "by-caller"
    model = who if by_caller else f"{who}-{kind}"
    told = lab.ask(model, *([TIMEOUT] if by_caller else []), stream=kind == "streamed")
    error = is_error(told, 504, "deadline_exceeded")
    assert "deadline" in error["message"]
    wait_gone(lab.a.take())
    assert lab.b.requests == []


def test_the_body_may_say_it(lab: Lab) -> None:
    lab.fails(lab.a, reply=raw(End.HANG))
    is_error(lab.ask("by-caller", metadata={"tollway_timeout": "200ms"}), 504, "deadline_exceeded")


def test_a_caller_cannot_make_it_longer(lab: Lab) -> None:
    lab.fails(lab.a, reply=raw(End.HANG))
    is_error(lab.ask("longer", ("x-tollway-timeout", "60s")), 504, "deadline_exceeded")


@pytest.mark.parametrize("value", ["", "soon", "-1s", "1 fortnight"])
def test_a_time_that_is_none(lab: Lab, value: str) -> None:
    is_error(lab.ask("by-caller", ("x-tollway-timeout", value)), 400, "invalid_request", "x-tollway-timeout")


def test_an_answer_that_is_half_there(lab: Lab) -> None:
    lab.a.script(Reply(body=(completion()[:40], End.HANG), framing="chunked"))
    is_error(lab.ask("by-caller", TIMEOUT), 504, "deadline_exceeded")


@pytest.mark.parametrize(
    ("path", "body", "mark"),
    [
        ("/v1/chat/completions", {"model": "by-caller", "messages": [{"role": "user", "content": "x"}]}, b"data: "),
        ("/v1/responses", {"model": "by-caller", "input": "x"}, b"event: error"),
        (
            "/v1/messages",
            {"model": "by-caller", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]},
            b"event: error",
        ),
        ("/v1beta/models/by-caller:streamGenerateContent?alt=sse", {"contents": [{"parts": [{"text": "x"}]}]}, b"504"),
    ],
    ids=["chat", "responses", "anthropic", "gemini"],
)
def test_in_the_middle_of_a_stream_it_is_the_dialects_error_event(
    lab: Lab, path: str, body: dict[str, object], mark: bytes
) -> None:
    lab.a.script(stream([*events()[:3], End.HANG]))
    told = lab.post(path, {**body, **({} if "gemini" in path or "beta" in path else {"stream": True})}, TIMEOUT)
    assert told.status == 200
    last = told.body.strip().rsplit(b"\n\n", 1)[-1]
    assert mark in last
    assert b"deadline" in last
    assert not told.cut
    wait_gone(lab.a.take())
    one = lab.record(told)
    assert (one["error"], [attempt["class"] for attempt in one["attempts"]]) == ("deadline_exceeded", ["timeout"])
    assert one["tokens"]["output"] > 0, "what came is counted"


def test_no_retry_is_begun_that_could_not_end_in_time(lab: Lab) -> None:
    lab.fails(lab.a, reply=error(503).with_headers(("retry-after-ms", "1900")))
    told = lab.ask("retries", TIMEOUT)
    assert told.status in {503, 504}
    assert len(lab.a.requests) < 10


def test_a_target_that_is_too_slow_for_what_is_left_is_passed_over(lab: Lab) -> None:
    lab.a.otherwise = late(answer(), 0.3)
    assert lab.serves("estimate") == "a"
    told = lab.ask("estimate", ("x-tollway-timeout", "200ms"))
    assert (told.status, told.header("x-tollway-provider")) == (200, "b")
    assert lab.record(told)["decision"] == "fallback 2/2; 1 deadline"
    assert len(lab.a.requests) == 1


def test_a_sole_target_is_tried_though_it_is_too_slow(lab: Lab) -> None:
    lab.a.script(late(answer(), 0.3))
    assert lab.serves("all-late") == "a"
    eventually(lambda: lab.ask("all-late", ("x-tollway-timeout", "250ms")).status == 200, "it is tried")


def test_rules_see_what_is_left(lab: Lab) -> None:
    assert lab.serves("by-rule") == "b"
    assert lab.serves("by-rule", ("x-tollway-timeout", "4s")) == "a"
