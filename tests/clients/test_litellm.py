"""LiteLLM as a client, given a base URL and a virtual key and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import litellm
import openai
import pytest

from tests.clients.answers import ARGUMENTS, CALLS, PIECES, TEXT, TOOLS, USAGE
from tests.clients.conftest import Shop
from tests.support.reply import error

# What the library does to itself when it builds its models is not ours to repair.
pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]

ASK = [{"role": "user", "content": "Hello?"}]


@pytest.fixture(autouse=True)
def closed_clients() -> Iterator[None]:
    """LiteLLM keeps its clients for later and never closes them."""
    yield
    for client in list(litellm.in_memory_llm_clients_cache.cache_dict.values()):
        if isinstance(client, openai.OpenAI):
            client.close()
    litellm.in_memory_llm_clients_cache.flush_cache()


@contextlib.asynccontextmanager
async def closed_async_clients() -> AsyncIterator[None]:
    """The same for those that belong to an event loop."""
    try:
        yield
    finally:
        for client in list(litellm.in_memory_llm_clients_cache.cache_dict.values()):
            if isinstance(client, openai.AsyncOpenAI):
                await client.close()


def arguments(shop: Shop, model: str = "m") -> dict[str, Any]:
    """What every call is given."""
    access = {"api_base": shop.base_url, "api_key": shop.key}
    return {"model": f"openai/{model}", "messages": ASK, "num_retries": 0, "max_retries": 0, **access}


def test_completion(shop: Shop) -> None:
    shop.upstream.script(TEXT.json())
    answer = litellm.completion(**arguments(shop))
    assert answer.choices[0].message.content == "".join(PIECES)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == USAGE["total_tokens"]


def test_stream(shop: Shop) -> None:
    shop.upstream.script(TEXT.stream())
    events = list(litellm.completion(**arguments(shop), stream=True))
    contents = [event.choices[0].delta.content for event in events if event.choices[0].delta.content]
    assert contents == list(PIECES)
    assert events[-1].choices[0].finish_reason == "stop"


async def test_asynchronous(shop: Shop) -> None:
    shop.upstream.script(TEXT.json(), TEXT.stream())
    async with closed_async_clients():
        answer = await litellm.acompletion(**arguments(shop))
        assert answer.choices[0].message.content == "".join(PIECES)
        events = await litellm.acompletion(**arguments(shop), stream=True)
        contents = [event.choices[0].delta.content async for event in events]
    assert [content for content in contents if content] == list(PIECES)


def test_tools(shop: Shop) -> None:
    shop.upstream.script(TOOLS.json(), TOOLS.stream())
    expected = [(call, name, "".join(pieces)) for (call, name), pieces in zip(CALLS, ARGUMENTS, strict=True)]
    answer = litellm.completion(**arguments(shop))
    calls = answer.choices[0].message.tool_calls
    assert [(call.id, call.function.name, call.function.arguments) for call in calls] == expected
    built = litellm.stream_chunk_builder(list(litellm.completion(**arguments(shop), stream=True)))
    calls = built.choices[0].message.tool_calls
    assert [(call.id, call.function.name, call.function.arguments) for call in calls] == expected


def test_errors(shop: Shop) -> None:
    shop.upstream.script(error(429, "Slow down."), error(400, "Too long.", "context_length_exceeded"))
    with pytest.raises(litellm.RateLimitError):
        litellm.completion(**arguments(shop))
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(**arguments(shop))
    with pytest.raises(litellm.AuthenticationError):
        litellm.completion(**{**arguments(shop), "api_key": "not-a-key-of-ours"})
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(**arguments(shop, "none-such"))


def test_the_mock_provider(shop: Shop) -> None:
    said = litellm.completion(**arguments(shop, "mock")).choices[0].message.content
    assert said
    events = litellm.completion(**arguments(shop, "mock"), stream=True)
    assert "".join(event.choices[0].delta.content or "" for event in events) == said
