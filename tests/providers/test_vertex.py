"""Vertex AI: what it has paths of its own for, embeddings by either method, and counts."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.gateway import RunningGateway, minimal
from tests.support.reply import whole
from tests.support.upstream import ScriptedUpstream
from tests.support.wire import Json, ask, request

BASE = "/v1/projects/p/locations/l"
GOOGLE = f"{BASE}/publishers/google/models"
PREDICTED = {
    "predictions": [
        {"embeddings": {"statistics": {"truncated": False, "token_count": tokens}, "values": [0.5, -1]}}
        for tokens in (2, 3)
    ]
}
EMBEDDED = {"embeddings": [{"values": [0.5]}, {"values": [1]}]}
TEXTS = [{"content": {"parts": [{"text": text}]}} for text in ("a", "b")]
USER = [{"role": "user", "content": "Hello?"}]


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    place = {"base_url": f"{upstream.url}{BASE}", "api_key": "env:TEST_UPSTREAM_KEY"}
    providers = {kind: {"type": kind, **place} for kind in ("vertex", "vertex-anthropic")}
    routes = {
        "older": {"provider": "vertex", "model": "text-embedding-005"},
        "newer": {"provider": "vertex", "model": "gemini-embedding-2"},
        "tuned": {"provider": "vertex", "model": "endpoints/123"},
        "claude": {"provider": "vertex-anthropic", "model": "claude-sonnet-4-5@20250929"},
    }
    text = minimal(upstream.url, providers=providers, routes=routes)
    with RunningGateway(text, tmp_path_factory.mktemp("vertex")) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(upstream: ScriptedUpstream) -> None:
    upstream.reset()


def asked(gateway: RunningGateway, upstream: ScriptedUpstream, target: str, body: Json, answer: Json) -> Json:
    upstream.script(whole(json.dumps(answer).encode()))
    told = ask(gateway.address, request(body, key=gateway.key, target=target))
    assert told.status == 200, told.body
    return told.json()


def test_embeddings_by_predict(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    sent = {"instances": [{"content": "a"}, {"content": "b"}], "parameters": {"outputDimensionality": 2}}
    body = {"model": "older", "input": ["a", "b"], "dimensions": 2}
    told = asked(gateway, upstream, "/v1/embeddings", body, PREDICTED)
    assert [one["embedding"] for one in told["data"]] == [[0.5, -1]] * 2
    assert told["usage"]["prompt_tokens"] == 5
    received = upstream.take()
    assert (received.target, received.json()) == (f"{GOOGLE}/text-embedding-005:predict", sent)
    # A caller of Google's own dialect does not know `predict` either.
    told = asked(gateway, upstream, "/v1beta/models/older:batchEmbedContents", {"requests": TEXTS}, PREDICTED)
    assert told["embeddings"] == [{"values": [0.5, -1]}] * 2
    assert upstream.take().json() == {"instances": sent["instances"]}


def test_embeddings_by_their_own_methods(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    told = asked(gateway, upstream, "/v1beta/models/newer:embedContent", TEXTS[0], {"embedding": {"values": [0.5]}})
    assert told == {"embedding": {"values": [0.5]}}
    received = upstream.take()
    assert (received.target, received.json()) == (f"{GOOGLE}/gemini-embedding-2:embedContent", TEXTS[0])
    asked(gateway, upstream, "/v1/embeddings", {"model": "newer", "input": ["a", "b"]}, EMBEDDED)
    received = upstream.take()
    assert (received.target, received.json()) == (
        f"{GOOGLE}/gemini-embedding-2:batchEmbedContents",
        {"requests": TEXTS},
    )


def test_counts(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    contents = {"contents": [{"role": "user", "parts": [{"text": "Hello?"}]}]}
    asked(gateway, upstream, "/v1beta/models/tuned:countTokens", contents, {"totalTokens": 3})
    assert upstream.take().target == f"{BASE}/endpoints/123:countTokens"
    body = {"model": "claude", "messages": USER}
    assert asked(gateway, upstream, "/v1/messages/count_tokens", body, {"input_tokens": 3}) == {"input_tokens": 3}
    received = upstream.take()
    assert received.target == f"{BASE}/publishers/anthropic/models/count-tokens:rawPredict"
    model = "claude-sonnet-4-5@20250929"
    assert received.json() == {"model": model, "messages": USER, "anthropic_version": "vertex-2023-10-16"}


def test_what_is_set_no_caller_changes(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    answer = {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": [], "stop_reason": "end_turn"}
    usage = {"usage": {"input_tokens": 1, "output_tokens": 1}}
    body = {"model": "claude", "max_tokens": 9, "messages": USER, "anthropic_version": "mine"}
    asked(gateway, upstream, "/v1/messages", body, answer | usage)
    received = upstream.take().json()
    assert received == {"max_tokens": 9, "messages": USER, "anthropic_version": "vertex-2023-10-16"}
