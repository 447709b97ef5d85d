"""Legacy completions, embeddings and counts of tokens, by the stock clients, from models of another dialect."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import anthropic
import openai
import pytest
from google import genai
from google.genai import types

from tests.support.gateway import RunningGateway, minimal
from tests.support.reply import whole
from tests.support.spoken import INPUT, OUTPUT, SPOKEN, TEXT
from tests.support.upstream import ScriptedUpstream

pytestmark = pytest.mark.clients

VECTORS = [[0.25, -1.5, 3.0], [0.5, 0.125, -2.0]]


@pytest.fixture(scope="module")
def shared(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    kinds = {"openai": "/v1", "anthropic": "/v1", "gemini": "/v1beta", "vllm": "/v1"}
    providers = {
        kind: {"type": kind, "base_url": f"{upstream.url}{path}", "api_key": "env:TEST_UPSTREAM_KEY"}
        for kind, path in kinds.items()
    }
    routes = {kind: {"provider": kind, "model": "up-model", "max_retries": 0} for kind in kinds}
    routes["gpt"] = {"provider": "openai", "model": "gpt-4o"}
    with contextlib.ExitStack() as stack:
        text = minimal(upstream.url, providers=providers, routes=routes)
        yield stack.enter_context(RunningGateway(text, tmp_path_factory.mktemp("others")))


@pytest.fixture
def gateway(shared: RunningGateway, upstream: ScriptedUpstream) -> RunningGateway:
    upstream.reset()
    return shared


@pytest.fixture
def client(gateway: RunningGateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as made:
        yield made


@pytest.mark.parametrize(("route", "target"), [("openai", "chat"), ("anthropic", "anthropic"), ("gemini", "gemini")])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_prompt_reaches_a_chat_model(
    upstream: ScriptedUpstream, client: openai.OpenAI, route: str, target: str, *, stream: bool
) -> None:
    spoken = SPOKEN[target]
    upstream.script(spoken.streamed("text") if stream else spoken.whole("text"))
    if stream:
        asked = client.completions.create(
            model=route, prompt="Weather?", max_tokens=9, stream=True, stream_options={"include_usage": True}
        )
        with asked as chunks:
            parts = list(chunks)
        text = "".join(choice.text for part in parts for choice in part.choices)
        finish = [part.choices[-1].finish_reason for part in parts if part.choices][-1:]
        usage = parts[-1].usage
    else:
        answer = client.completions.create(model=route, prompt="Weather?", max_tokens=9)
        assert answer.object == "text_completion"
        text, finish, usage = answer.choices[0].text, [answer.choices[0].finish_reason], answer.usage
    assert usage is not None
    assert (text, finish, usage.prompt_tokens, usage.completion_tokens) == (TEXT, ["stop"], INPUT, OUTPUT)
    assert "Weather?" in json.dumps(upstream.take().json())


def test_a_prompt_passes_to_a_server_that_takes_prompts(upstream: ScriptedUpstream, client: openai.OpenAI) -> None:
    choice = {"index": 0, "text": " Sunny.", "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
    answer = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "up", "choices": [choice]}
    upstream.script(whole(json.dumps({**answer, "usage": usage}).encode()))
    asked = client.completions.with_raw_response.create(model="vllm", prompt="Weather?", echo=True)
    assert asked.parse().choices[0].text == " Sunny."
    assert (asked.headers["x-tollway-input-tokens"], asked.headers["x-tollway-output-tokens"]) == ("2", "3")
    received = upstream.take()
    assert received.target == "/v1/completions"
    assert received.json() == {"model": "up-model", "prompt": "Weather?", "echo": True}


def test_what_a_chat_model_cannot_do_for_a_prompt_is_named(upstream: ScriptedUpstream, client: openai.OpenAI) -> None:
    upstream.script(SPOKEN["chat"].whole("text"))
    asked = client.completions.with_raw_response.create(model="openai", prompt="Weather?", suffix="!", best_of=3)
    assert set(asked.headers["x-tollway-flags"].split(",")) == {"lossy:suffix", "lossy:best_of"}


def test_embeddings_of_gemini_for_the_openai_client(upstream: ScriptedUpstream, client: openai.OpenAI) -> None:
    upstream.script(whole(json.dumps({"embeddings": [{"values": vector} for vector in VECTORS]}).encode()))
    # The client asks for base64 by itself, and takes it apart.
    answer = client.embeddings.create(model="gemini", input=["one", "two"], dimensions=3)
    assert [one.embedding for one in answer.data] == VECTORS
    received = upstream.take()
    assert received.target == "/v1beta/models/up-model:batchEmbedContents"
    assert [one["content"]["parts"] for one in received.json()["requests"]] == [[{"text": "one"}], [{"text": "two"}]]
    assert {one["outputDimensionality"] for one in received.json()["requests"]} == {3}


def test_embeddings_of_openai_for_the_google_client(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(VECTORS)]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    upstream.script(whole(json.dumps({"object": "list", "data": data, "model": "up", "usage": usage}).encode()))
    with genai.Client(api_key=gateway.key, http_options=types.HttpOptions(base_url=gateway.url)) as client:
        answer = client.models.embed_content(model="openai", contents=["one", "two"])
    assert [one.values for one in answer.embeddings or []] == VECTORS
    received = upstream.take()
    assert (received.target, received.json()["input"]) == ("/v1/embeddings", ["one", "two"])


def test_embeddings_pass_to_openai_as_they_are(upstream: ScriptedUpstream, client: openai.OpenAI) -> None:
    data = [{"object": "embedding", "index": 0, "embedding": VECTORS[0]}]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    upstream.script(whole(json.dumps({"object": "list", "data": data, "model": "up", "usage": usage}).encode()))
    asked = client.embeddings.with_raw_response.create(model="openai", input="one", encoding_format="float")
    assert asked.parse().data[0].embedding == VECTORS[0]
    assert asked.headers["x-tollway-input-tokens"] == "4"
    assert upstream.take().json() == {"model": "up-model", "input": "one", "encoding_format": "float"}


def test_a_provider_without_embeddings_is_named(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match='The provider "anthropic" has no embeddings') as refused:
        client.embeddings.create(model="anthropic", input="one")
    assert refused.value.param == "model"


def test_anthropic_counts_for_its_own_client(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    upstream.script(whole(b'{"input_tokens":2095}'))
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0) as client:
        counted = client.messages.count_tokens(
            model="anthropic", system="Be brief.", messages=[{"role": "user", "content": "Hello?"}]
        )
    assert counted.input_tokens == 2095
    received = upstream.take()
    assert (received.target, received.json()["model"]) == ("/v1/messages/count_tokens", "up-model")


def test_google_counts_for_its_own_client(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    upstream.script(whole(b'{"totalTokens":31}'))
    with genai.Client(api_key=gateway.key, http_options=types.HttpOptions(base_url=gateway.url)) as client:
        counted = client.models.count_tokens(model="gemini", contents="Hello?")
    assert counted.total_tokens == 31
    assert upstream.take().target == "/v1beta/models/up-model:countTokens"


@pytest.mark.parametrize("words", [1, 3000], ids=["short", "long"])
def test_tokens_are_counted_here_where_the_provider_cannot_be_asked(
    gateway: RunningGateway, upstream: ScriptedUpstream, words: int
) -> None:
    """One token a word in o200k; the framing is three for the message, one for its role, three to open the answer."""
    text = "hello" + " hello" * (words - 1)
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0) as client:
        messages = client.messages.with_raw_response
        asked = messages.count_tokens(model="gpt", messages=[{"role": "user", "content": text}])
    with genai.Client(api_key=gateway.key, http_options=types.HttpOptions(base_url=gateway.url)) as google:
        counted = google.models.count_tokens(model="gpt", contents=text)
    assert asked.parse().input_tokens == counted.total_tokens
    assert asked.parse().input_tokens == words + 7
    assert "x-tollway-flags" not in asked.headers
    assert upstream.requests == []


def test_a_count_that_is_an_approximation_says_so(gateway: RunningGateway) -> None:
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0) as client:
        asked = client.messages.with_raw_response.count_tokens(
            model="vllm", messages=[{"role": "user", "content": "Hello?"}]
        )
    assert asked.headers["x-tollway-flags"] == "tokens:estimated"


def test_each_client_lists_the_routes(gateway: RunningGateway, client: openai.OpenAI) -> None:
    routes = {"anthropic", "gemini", "gpt", "m", "openai", "vllm"}
    assert {model.id for model in client.models.list()} == routes
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0) as messages:
        assert {model.id for model in messages.models.list()} == routes
        assert messages.models.retrieve("gpt").display_name == "gpt"
    with genai.Client(api_key=gateway.key, http_options=types.HttpOptions(base_url=gateway.url)) as google:
        assert {model.name for model in google.models.list()} == {f"models/{route}" for route in routes}
