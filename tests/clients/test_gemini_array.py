"""Gemini's streams as Google gives them without `alt=sse`: one JSON array, for callers, and from an upstream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.support.gateway import RunningGateway
from tests.support.reply import stream
from tests.support.spoken import CALL, SPOKEN, TEXT, configuration, speaking
from tests.support.upstream import ScriptedUpstream

pytestmark = pytest.mark.clients

ASK = {"contents": [{"role": "user", "parts": [{"text": "What is the weather?"}]}]}
MASK = {"type": "pii", "entities": ["email"], "on": "both", "action": "mask", "restore": True, "on_failure": "closed"}


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(configuration(upstream.url), tmp_path_factory.mktemp("array")) as running:
        yield running


def asked(gateway: RunningGateway, route: str, query: str = "", **body: object) -> httpx.Response:
    url = f"{gateway.url}/v1beta/models/{route}:streamGenerateContent{query}"
    return httpx.post(url, json={**ASK, **body}, headers={"x-goog-api-key": gateway.key}, timeout=20)


def parts(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]


def text(chunks: list[dict[str, Any]]) -> str:
    return "".join(part.get("text", "") for part in parts(chunks))


@pytest.mark.parametrize("query", ["", "?alt=json"])
@pytest.mark.parametrize("target", SPOKEN)
def test_a_caller_gets_an_array(gateway: RunningGateway, upstream: ScriptedUpstream, target: str, query: str) -> None:
    upstream.reset()
    upstream.script(SPOKEN[target].streamed("text"), SPOKEN[target].streamed("call"))
    answer = asked(gateway, target, query)
    assert answer.headers["content-type"] == "application/json"
    assert text(answer.json()) == TEXT
    assert answer.json()[-1]["candidates"][0]["finishReason"] == "STOP"
    called = [part["functionCall"] for part in parts(asked(gateway, target, query).json()) if "functionCall" in part]
    assert [(call["name"], call["args"]) for call in called] == [(CALL["name"], CALL["arguments"])]
    if target == "gemini":
        assert b"alt=sse" in upstream.take().target.encode()


@pytest.mark.parametrize("query", ["", "?alt=sse"])
def test_an_upstream_may_send_an_array(gateway: RunningGateway, upstream: ScriptedUpstream, query: str) -> None:
    chunks = [json.loads(event[6:]) for event in SPOKEN["gemini"].text_events]
    array = json.dumps(chunks, indent=2, ensure_ascii=False).encode()
    upstream.reset()
    for cut in (1, 40, len(array)):
        pieces = [array[at : at + cut] for at in range(0, len(array), cut)]
        upstream.script(replace(stream(pieces), headers=(("content-type", "application/json; charset=UTF-8"),)))
        answer = asked(gateway, "gemini", query)
        events = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
        assert (answer.json() if not query else [json.loads(event) for event in events]) == chunks


def test_errors_are_items_too(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    missing = asked(gateway, "nowhere")
    assert (missing.status_code, missing.json()[0]["error"]["status"]) == (404, "NOT_FOUND")
    first, *_ = SPOKEN["gemini"].text_events
    upstream.reset()
    upstream.script(stream([first, b'data: {"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}\n\n']))
    begun, failed = asked(gateway, "gemini").json()
    assert begun == json.loads(first[6:])
    assert failed["error"]["status"] == "UNAVAILABLE"


def test_a_guarded_stream_is_an_array(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> None:
    said = speaking("I wrote to [EMAIL_1] for you.")
    with RunningGateway(configuration(upstream.url, guardrails=[MASK]), tmp_path_factory.mktemp("guarded")) as gateway:
        for target in SPOKEN:
            upstream.reset()
            upstream.script(said[target].streamed("text"))
            asks = [{"role": "user", "parts": [{"text": "Write to carla@example.com."}]}]
            chunks = asked(gateway, target, contents=asks).json()
            assert text(chunks) == "I wrote to carla@example.com for you.", target
