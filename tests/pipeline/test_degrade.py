"""Degrading: another route, a shorter answer or a fixed one, in every dialect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import types

from tests.pipeline.lab import Lab, laboratory, to
from tests.support.errors import is_error
from tests.support.reply import error
from tests.support.wire import Answer

TEXT = "We are busy. Please try again later."
TIGHT = {"x-tollway-tags": "tight"}
MESSAGES: list[Any] = [{"role": "user", "content": "x"}]
NARROW_KEY = "canary-narrow-virtual-key"

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": MESSAGES, "max_tokens": 5000}),
    "responses": ("/v1/responses", {"input": "x", "max_output_tokens": 5000}),
    "anthropic": ("/v1/messages", {"messages": MESSAGES, "max_tokens": 5000}),
    "gemini": (
        "/v1beta/models/{model}:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "x"}]}], "generationConfig": {"maxOutputTokens": 5000}},
    ),
}
DIALECTS = pytest.mark.parametrize("dialect", list(CALLS))


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started once for this file."""
    when = "'tight' in tags"
    routes: dict[str, dict[str, object]] = {
        "to-route": {**to("a", "to-route"), "degrade": [{"when": when, "route": "cheap"}]},
        "cheap": to("b", "cheap"),
        "shorter": {**to("a", "shorter"), "degrade": [{"when": when, "max_tokens": 50}]},
        "fixed": {**to("a", "fixed"), "degrade": [{"when": when, "answer": TEXT}]},
        "several": {
            **to("a", "several"),
            "degrade": [
                {"when": "tags.size() / request.max_tokens > 5", "answer": "never"},
                {"when": "user == 'ann'", "answer": "for ann"},
                {"when": when, "route": "cheap"},
            ],
        },
        "by-health": {
            "targets": [to("a", "by-health")],
            "degrade": [{"when": "upstream.open", "answer": TEXT}],
        },
    }
    tables: dict[str, Any] = {
        "keys": {"narrow": {"secret": NARROW_KEY, "models": ["to-route", "fixed"]}},
        "resilience": {"breaker": {"consecutive": 2, "cooldown": "60s"}},
    }
    with laboratory(tmp_path_factory.mktemp("degrade"), routes, **tables) as lab:
        yield lab


def call(lab: Lab, dialect: str, model: str, *headers: tuple[str, str]) -> Answer:
    """An ordinary request in `dialect`."""
    path, body = CALLS[dialect]
    return lab.post(path.format(model=model), body if dialect == "gemini" else {"model": model, **body}, *headers)


def is_degraded(lab: Lab, told: Answer, name: str) -> None:
    """Check that the caller and the record are told."""
    assert told.status == 200, told.body
    assert f"degraded:{name}" in (told.header("x-tollway-flags") or "").split(",")
    assert f"degraded:{name}" in lab.record(told)["flags"]


@DIALECTS
def test_another_route_serves(lab: Lab, dialect: str) -> None:
    assert call(lab, dialect, "to-route").header("x-tollway-provider") == "a"
    told = call(lab, dialect, "to-route", *TIGHT.items())
    is_degraded(lab, told, "cheap")
    assert told.header("x-tollway-provider") == "b"
    assert lab.b.take().json()["model"] == "cheap"


@DIALECTS
def test_the_answer_is_shorter(lab: Lab, dialect: str) -> None:
    call(lab, dialect, "shorter")
    told = call(lab, dialect, "shorter", *TIGHT.items())
    is_degraded(lab, told, "max_tokens")
    most = [{body.get("max_tokens"), body.get("max_completion_tokens")} - {None} for body in bodies(lab)]
    assert most == [{5000}, {50}]


def bodies(lab: Lab) -> list[Any]:
    """What `a` was sent."""
    return [received.json() for received in lab.a.requests]


def test_what_is_short_already_stays(lab: Lab) -> None:
    lab.ask("shorter", *TIGHT.items(), max_tokens=7)
    lab.ask("shorter", *TIGHT.items())
    assert [body.get("max_tokens", body.get("max_completion_tokens")) for body in bodies(lab)] == [7, 50]


@DIALECTS
def test_a_fixed_answer(lab: Lab, dialect: str) -> None:
    told = call(lab, dialect, "fixed", *TIGHT.items())
    is_degraded(lab, told, "answer")
    assert TEXT in json.dumps(told.json())
    assert lab.got() == (0, 0, 0)
    assert lab.record(told)["attempts"] == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_fixed_answer_to_the_stock_clients(lab: Lab, stream: bool) -> None:
    url, key = lab.gateway.url, lab.gateway.key
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, default_headers=TIGHT) as client:
        assert (chat if not stream else chat_streamed)(client) == (TEXT, "stop")
        assert (responses if not stream else responses_streamed)(client) == (TEXT, "completed")
    with anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, default_headers=TIGHT) as other:
        asked: Any = {"model": "fixed", "max_tokens": 9, "messages": MESSAGES}
        if stream:
            with other.messages.stream(**asked) as events:
                message = events.get_final_message()
        else:
            message = other.messages.create(**asked)
        assert [getattr(block, "text", None) for block in message.content] == [TEXT]
        assert message.stop_reason == "end_turn"
    options = types.HttpOptions(base_url=url, headers=TIGHT)
    google = genai.Client(api_key=key, http_options=options)
    if stream:
        pieces = list(google.models.generate_content_stream(model="fixed", contents="x"))
        assert "".join(piece.text or "" for piece in pieces) == TEXT
    else:
        assert google.models.generate_content(model="fixed", contents="x").text == TEXT
    assert lab.got() == (0, 0, 0)


def chat(client: openai.OpenAI) -> tuple[str | None, str]:
    """By chat completions, whole."""
    choice = client.chat.completions.create(model="fixed", messages=MESSAGES).choices[0]
    return choice.message.content, choice.finish_reason


def chat_streamed(client: openai.OpenAI) -> tuple[str | None, str]:
    """By chat completions, streamed."""
    with client.beta.chat.completions.stream(model="fixed", messages=MESSAGES) as events:
        choice = events.until_done().get_final_completion().choices[0]
    return choice.message.content, choice.finish_reason


def responses(client: openai.OpenAI) -> tuple[str, str | None]:
    """By responses, whole."""
    response = client.responses.create(model="fixed", input="x")
    return response.output_text, response.status


def responses_streamed(client: openai.OpenAI) -> tuple[str, str | None]:
    """By responses, streamed."""
    with client.responses.stream(model="fixed", input="x") as events:
        response = events.get_final_response()
    return response.output_text, response.status


def test_the_first_rule_that_holds_is_taken_and_one_that_fails_is_told(lab: Lab) -> None:
    told = lab.ask("several", ("x-tollway-user", "ann"), *TIGHT.items())
    assert told.json()["choices"][0]["message"]["content"] == "for ann"
    is_degraded(lab, lab.ask("several", *TIGHT.items()), "cheap")
    assert lab.serves("several") == "a"
    assert [alert["subject"] for alert in lab.alerts("rule_failed")] == ["several"]


def test_a_route_that_the_key_may_not_use_is_passed_over(lab: Lab) -> None:
    told = lab.ask("to-route", *TIGHT.items(), key=NARROW_KEY)
    assert told.header("x-tollway-provider") == "a"
    assert "degraded" not in (told.header("x-tollway-flags") or "")
    assert lab.ask("fixed", *TIGHT.items(), key=NARROW_KEY).json()["choices"][0]["message"]["content"] == TEXT


def test_while_the_upstream_is_ill(lab: Lab) -> None:
    lab.fails(lab.a, reply=error(500))
    for _ in range(2):
        is_error(lab.ask("by-health"), 502, "upstream_error")
    is_degraded(lab, lab.ask("by-health"), "answer")
    assert len(lab.a.requests) == 2
