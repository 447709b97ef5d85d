"""The stock clients of all four dialects, with a model of Cohere's, which is spoken to by Cohere's own API."""

from __future__ import annotations

from collections.abc import Iterator

import cohere
import httpx
import openai
import pytest

from tests.clients.callers import CALLERS
from tests.support.gateway import RunningGateway, minimal
from tests.support.ranked import COHERE as RANKED
from tests.support.ranked import MODERATED, told
from tests.support.spoken import CALL, CALL_ID, INPUT, OUTPUT, TEXT
from tests.support.spoken_cohere import COHERE
from tests.support.upstream import ScriptedUpstream

pytestmark = pytest.mark.clients


@pytest.fixture(scope="module")
def shared(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    provider = {"type": "cohere", "base_url": f"{upstream.url}/v2", "api_key": "env:TEST_UPSTREAM_KEY"}
    route = {"provider": "cohere", "model": "command-a-03-2025", "max_retries": 0}
    text = minimal(upstream.url, providers={"cohere": provider}, routes={"cohere": route})
    with RunningGateway(text, tmp_path_factory.mktemp("cohere")) as running:
        yield running


@pytest.fixture
def gateway(shared: RunningGateway, upstream: ScriptedUpstream) -> RunningGateway:
    upstream.reset()
    return shared


@pytest.mark.parametrize("way", ["text", "call", "text-streamed", "call-streamed"])
@pytest.mark.parametrize("caller", CALLERS)
def test_the_answer_is_the_models(gateway: RunningGateway, upstream: ScriptedUpstream, caller: str, way: str) -> None:
    name, _, streamed = way.partition("-")
    upstream.script(COHERE.streamed(name) if streamed else COHERE.whole(name))
    heard = CALLERS[caller](gateway.url, gateway.key, "cohere", bool(streamed))
    if name == "text":
        assert (heard.text, heard.calls, heard.stop) == (TEXT, [], "end")
    else:
        assert (heard.calls, heard.stop) == ([(CALL["name"], CALL["arguments"])], "tool")
        assert heard.ids == [CALL_ID]
    assert (heard.input, heard.output) == (INPUT, OUTPUT)
    received = upstream.take()
    assert received.target == "/v2/chat"
    assert received.json()["stream"] is bool(streamed)
    assert [message["role"] for message in received.json()["messages"]] == ["system", "user"]


def test_coheres_own_client_ranks(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    upstream.script(told(RANKED))
    with httpx.Client(trust_env=False) as http:
        client = cohere.ClientV2(api_key=gateway.key, base_url=gateway.url, httpx_client=http)
        ranked = client.rerank(model="cohere", query="q", documents=["a", "b"], top_n=2)
    assert [(one.index, one.relevance_score) for one in ranked.results] == [(1, 0.75), (0, 0.5)]
    assert ranked.meta is not None
    assert ranked.meta.billed_units is not None
    assert ranked.meta.billed_units.search_units == 2
    assert upstream.take().json() == {"model": "command-a-03-2025", "query": "q", "documents": ["a", "b"], "top_n": 2}


def test_openais_client_embeds_and_moderates(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    answer = {
        "id": "e1",
        "embeddings": {"float": [[0.25, -1.5]]},
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 3}},
    }
    upstream.script(told(answer))
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:
        made = client.embeddings.create(model="cohere", input="a", extra_body={"input_type": "search_query"})
        assert (made.data[0].embedding, made.usage.prompt_tokens) == ([0.25, -1.5], 3)
        received = upstream.take()
        assert (received.target, received.json()["input_type"]) == ("/v2/embed", "search_query")
        upstream.script(told(MODERATED))
        assert not client.moderations.create(model="m", input="a").results[0].flagged
        assert upstream.take().json() == {"model": "up-model", "input": "a"}
