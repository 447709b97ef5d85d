"""LangChain's client for OpenAI, given a base URL and a virtual key and nothing else."""

from __future__ import annotations

import json

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.clients.answers import ARGUMENTS, CALLS, PIECES, TEXT, TOOLS, USAGE
from tests.clients.conftest import Shop
from tests.support.reply import error

pytestmark = pytest.mark.clients


@pytest.fixture
def model(shop: Shop) -> ChatOpenAI:
    """The model behind the scripted upstream."""
    return _model(shop, "m")


def _model(shop: Shop, name: str, key: str | None = None) -> ChatOpenAI:
    secret = SecretStr(key or shop.key)
    return ChatOpenAI(base_url=shop.base_url, api_key=secret, model=name, max_retries=0, timeout=30)


def test_invoke(shop: Shop, model: ChatOpenAI) -> None:
    shop.upstream.script(TEXT.json())
    message = model.invoke("Hello?")
    assert message.content == "".join(PIECES)
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.response_metadata["model_name"] == TEXT.completion["model"]
    assert isinstance(message, AIMessage)
    assert message.usage_metadata
    assert message.usage_metadata["total_tokens"] == USAGE["total_tokens"]


def test_stream(shop: Shop, model: ChatOpenAI) -> None:
    shop.upstream.script(TEXT.stream())
    contents = [message.content for message in model.stream("Hello?") if message.content]
    assert contents == list(PIECES)


async def test_asynchronous(shop: Shop, model: ChatOpenAI) -> None:
    shop.upstream.script(TEXT.json(), TEXT.stream())
    assert (await model.ainvoke("Hello?")).content == "".join(PIECES)
    assert [message.content async for message in model.astream("Hello?") if message.content] == list(PIECES)


def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return city


def test_tools(shop: Shop, model: ChatOpenAI) -> None:
    shop.upstream.script(TOOLS.json(), TOOLS.stream(), TEXT.json())
    bound = model.bind_tools([get_weather])
    expected = [
        (call, name, json.loads("".join(pieces))) for (call, name), pieces in zip(CALLS, ARGUMENTS, strict=True)
    ]
    answer = bound.invoke("How is the weather?")
    assert [(call["id"], call["name"], call["args"]) for call in answer.tool_calls] == expected
    total = None
    for piece in bound.stream("How is the weather?"):
        total = piece if total is None else total + piece  # type: ignore[assignment]
    assert total is not None
    assert [(call["id"], call["name"], call["args"]) for call in total.tool_calls] == expected
    results = [ToolMessage("21 °C", tool_call_id=call["id"]) for call in answer.tool_calls]
    assert bound.invoke([HumanMessage("How is the weather?"), answer, *results]).content == "".join(PIECES)


def test_errors(shop: Shop, model: ChatOpenAI) -> None:
    shop.upstream.script(error(429, "Slow down."))
    with pytest.raises(openai.RateLimitError):
        model.invoke("Hello?")
    with pytest.raises(openai.AuthenticationError):
        _model(shop, "m", "not-a-key-of-ours").invoke("Hello?")
    with pytest.raises(openai.NotFoundError):
        _model(shop, "none-such").invoke("Hello?")


def test_the_mock_provider(shop: Shop) -> None:
    mock = _model(shop, "mock")
    said = mock.invoke("Hello?").content
    assert said
    assert "".join(str(message.content) for message in mock.stream("Hello?")) == said
