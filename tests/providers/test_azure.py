"""Azure OpenAI: its three surfaces, and what its content filter adds to answers, streams and errors."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.providers.served import case_of, streamed
from tests.support import sse
from tests.support.gateway import UPSTREAM_KEY, RunningGateway, minimal
from tests.support.reply import Reply, answer, whole
from tests.support.upstream import ScriptedUpstream
from tests.support.wire import Json, ask, request

ASKED = {"messages": [{"role": "user", "content": "Hello?"}]}
FILTERED = [error for error in case_of("azure")["errors"] if error["class"] == "content_policy"]
SURFACES = {
    "v1": ({}, "/openai/v1/{}", "/openai/v1/responses"),
    "preview": ({"api_version": "preview"}, "/openai/v1/{}?api-version=preview", None),
    "dated": ({"api_version": "2025-04-01-preview"}, "/openai/deployments/gpt/{}?api-version=2025-04-01-preview", None),
}


@pytest.fixture(scope="module")
def other() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as other:
        yield other


@pytest.fixture(scope="module")
def gateway(
    upstream: ScriptedUpstream, other: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    azure = {"type": "azure", "base_url": upstream.url, "api_key": "env:TEST_UPSTREAM_KEY"}
    providers = {name: azure | settings for name, (settings, *_) in SURFACES.items()}
    providers["other"] = {"type": "openai", "base_url": f"{other.url}/v1", "api_key": "env:TEST_UPSTREAM_KEY"}
    routes: dict[str, Json] = {name: {"provider": name, "model": "gpt", "max_retries": 0} for name in providers}
    routes["safe"] = routes["dated"] | {"content_policy_fallback": "other"}
    routes["both"] = {"strategy": "fallback", "targets": [routes["dated"], routes["other"]]}
    text = minimal(upstream.url, providers=providers, routes=routes)
    with RunningGateway(text, tmp_path_factory.mktemp("azure")) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(upstream: ScriptedUpstream, other: ScriptedUpstream) -> None:
    upstream.reset()
    other.reset()


@pytest.mark.parametrize("surface", SURFACES)
def test_each_surface(gateway: RunningGateway, upstream: ScriptedUpstream, surface: str) -> None:
    _, path, responses = SURFACES[surface]
    assert gateway.chat({"model": surface, **ASKED}).status == 200
    received = upstream.take()
    assert received.target == path.format("chat/completions")
    assert (received.header("api-key"), received.header("authorization")) == (UPSTREAM_KEY, None)
    ask(gateway.address, request({"model": surface, "input": "a"}, key=gateway.key, target="/v1/embeddings"))
    assert upstream.take().target == path.format("embeddings")
    ask(gateway.address, request({"model": surface, "input": "a"}, key=gateway.key, target="/v1/responses"))
    version = path.partition("?")[2]
    where = "/openai/responses" if surface == "dated" else "/openai/v1/responses"
    assert upstream.take().target == (responses or f"{where}?{version}")


def test_annotations_pass_as_they_came(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    case = case_of("azure")
    body = json.dumps(case["answer"]).encode()
    upstream.script(whole(body), streamed(case))
    assert gateway.chat({"model": "dated", **ASKED}).body == body
    asked = {"model": "dated", "stream": True, "stream_options": {"include_usage": True}, **ASKED}
    assert gateway.chat(asked).body == b"".join(step for step in streamed(case).body if isinstance(step, bytes))


@pytest.mark.parametrize("events", [1, 2])
def test_what_the_filter_says_first_is_no_content(
    gateway: RunningGateway, upstream: ScriptedUpstream, other: ScriptedUpstream, events: int
) -> None:
    first = streamed(case_of("azure"))
    failed = b'data: {"error":{"message":"No.","code":"InternalServerError"}}\n\n'
    upstream.script(Reply(headers=first.headers, body=(*first.body[:events], failed), framing="chunked"))
    other.script(streamed(case_of("openai")))
    told = gateway.chat({"model": "both", "stream": True, **ASKED})
    assert (told.status, sse.text(told.body)) == (200, "Hello there.")
    assert sse.is_complete(told.body)
    assert other.take().json()["stream"] is True


def test_refused_content_goes_to_the_route_for_it(
    gateway: RunningGateway, upstream: ScriptedUpstream, other: ScriptedUpstream
) -> None:
    [filtered] = FILTERED
    # The code alone is missing from what older versions say: the inner error tells it.
    unnamed = {"error": {**filtered["body"]["error"], "code": None}}
    for body in (filtered["body"], unnamed):
        upstream.script(whole(json.dumps(body).encode(), 400))
        other.script(answer())
        assert gateway.chat({"model": "safe", **ASKED}).status == 200
        other.take()


def test_a_filtered_answer_ends_so_for_callers_of_other_dialects(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    said = case_of("azure")["answer"]
    said["choices"][0] |= {"finish_reason": "content_filter", "content_filter_results": {"hate": {"filtered": True}}}
    body = {"model": "dated", "max_tokens": 9, **ASKED}
    for target, asked, stop in (
        ("/v1/messages", body, "refusal"),
        ("/v1beta/models/dated:generateContent", {"contents": [{"role": "user", "parts": [{"text": "?"}]}]}, "SAFETY"),
    ):
        upstream.script(whole(json.dumps(said).encode()))
        told = ask(gateway.address, request(asked, key=gateway.key, target=target))
        assert told.status == 200, told.body
        assert f'"{stop}"'.encode() in told.body
