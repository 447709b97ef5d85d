"""The stock `openai` client, without streams: it gets what the upstream sent, and the upstream what it sent."""

from __future__ import annotations

import json

import openai
import pydantic
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from tests.clients.answers import CASES, LOGPROBS, PIECES, TEXT, TOOLS, Case
from tests.clients.conftest import NARROW_KEY, Shop
from tests.support.gateway import UPSTREAM_KEY
from tests.support.reply import answer, whole

ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello?"}]
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city, in °C",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "strict": True,
    },
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_answer_is_the_upstreams(shop: Shop, client: openai.OpenAI, case: Case) -> None:
    shop.upstream.script(case.json())
    completion = client.chat.completions.create(model="m", messages=ASK)
    assert completion.to_dict() == case.completion
    direct = openai.types.chat.ChatCompletion.model_validate(case.completion)
    assert completion.choices == direct.choices
    assert completion.usage == direct.usage


def test_the_upstream_gets_the_callers_request_with_its_own_model_and_key(shop: Shop, client: openai.OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": "You are “terse”. \u2028"},
        {"role": "user", "content": [{"type": "text", "text": "世界\x00\x7f\\"}, _image()]},
    ]
    client.chat.completions.create(
        model="m",
        messages=messages,
        tools=[WEATHER],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        temperature=0.1,
        seed=2**53 + 1,
        logit_bias={"50256": -100},
        metadata={"purpose": "test"},
        extra_body={"x_of_a_vendor": {"deep": [1, 2.50, None, True]}},
    )
    received = shop.upstream.take()
    assert (received.method, received.target) == ("POST", "/v1/chat/completions")
    assert received.header("authorization") == f"Bearer {UPSTREAM_KEY}"
    body = received.json()
    assert body.pop("model") == "up-model"
    assert body == {
        "messages": messages,
        "tools": [WEATHER],
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
        "temperature": 0.1,
        "seed": 2**53 + 1,
        "logit_bias": {"50256": -100},
        "metadata": {"purpose": "test"},
        "x_of_a_vendor": {"deep": [1, 2.50, None, True]},
    }
    # Nothing of who called, and of what with, reaches the upstream.
    assert shop.key.encode() not in received.head + received.body
    assert not [name for name, _ in received.headers if name.startswith("x-stainless")]


def _image() -> openai.types.chat.ChatCompletionContentPartImageParam:
    return {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "iVBORw0KGgo" * 5000, "detail": "low"}}


def test_tool_calls_and_their_results_go_there_and_back(shop: Shop, client: openai.OpenAI) -> None:
    shop.upstream.script(TOOLS.json(), TEXT.json())
    first = client.chat.completions.create(model="m", messages=ASK, tools=[WEATHER])
    calls = first.choices[0].message.tool_calls
    assert calls
    results: list[ChatCompletionMessageParam] = [
        {"role": "tool", "tool_call_id": call.id, "content": '{"temperature": 21}'} for call in calls
    ]
    again: list[ChatCompletionMessageParam] = [*ASK, {"role": "assistant", "tool_calls": _params(calls)}, *results]
    second = client.chat.completions.create(model="m", messages=again, tools=[WEATHER])
    assert second.choices[0].message.content == "".join(PIECES)
    sent = shop.upstream.requests[1].json()["messages"]
    assert sent[1]["tool_calls"] == TOOLS.completion["choices"][0]["message"]["tool_calls"]
    assert [message["tool_call_id"] for message in sent[2:]] == [call.id for call in calls]


def _params(
    calls: list[openai.types.chat.ChatCompletionMessageToolCallUnion],
) -> list[openai.types.chat.ChatCompletionMessageToolCallUnionParam]:
    params: list[openai.types.chat.ChatCompletionMessageToolCallUnionParam] = []
    for call in calls:
        assert call.type == "function"
        function = call.function
        params.append(
            {
                "id": call.id,
                "type": "function",
                "function": {"name": function.name, "arguments": function.arguments},
            }
        )
    return params


class Person(pydantic.BaseModel):
    """What a structured answer is parsed into."""

    name: str
    age: int


def test_a_structured_answer_is_parsed(shop: Shop, client: openai.OpenAI) -> None:
    shop.upstream.script(answer(json.dumps({"name": "Zoë", "age": 41})))
    parsed = client.chat.completions.parse(model="m", messages=ASK, response_format=Person)
    assert parsed.choices[0].message.parsed == Person(name="Zoë", age=41)
    schema = shop.upstream.take().json()["response_format"]
    assert schema["json_schema"]["name"] == "Person"
    assert schema["json_schema"]["strict"] is True


def test_numbers_arrive_digit_by_digit(shop: Shop, client: openai.OpenAI) -> None:
    shop.upstream.script(LOGPROBS.json())
    completion = client.chat.completions.create(model="m", messages=ASK, logprobs=True, top_logprobs=2)
    logprobs = completion.choices[0].logprobs
    assert logprobs
    assert logprobs.content
    assert [entry.logprob for entry in logprobs.content] == [-1.9365e-07, -0.25, -1e-9]
    assert bytes(logprobs.content[1].bytes or ()) == " ünd".encode()


def test_a_large_answer_arrives_whole(shop: Shop, client: openai.OpenAI) -> None:
    text = "".join(f"{number}ü" for number in range(400_000))
    shop.upstream.script(answer(text))
    completion = client.chat.completions.create(model="m", messages=ASK)
    assert completion.choices[0].message.content == text


def test_raw_response_shows_our_headers(shop: Shop, client: openai.OpenAI) -> None:
    shop.upstream.script(TEXT.json())
    raw = client.chat.completions.with_raw_response.create(model="m", messages=ASK)
    headers = raw.headers
    assert raw.status_code == 200
    assert raw.request_id == headers["x-request-id"]
    assert headers["x-request-id"] != "req_upstream_text"
    expected = {
        "x-tollway-route": "m",
        "x-tollway-provider": "up",
        "x-tollway-model": "up-model",
        "x-tollway-attempts": "1",
        "x-tollway-cache": "bypass",
        "x-tollway-input-tokens": "57",
        "x-tollway-output-tokens": "17",
    }
    assert {name: headers.get(name) for name in expected} == expected
    assert headers["x-tollway-overhead-us"].isdigit()
    assert headers["x-tollway-upstream-ms"].isdigit()
    assert "openai-processing-ms" not in headers
    parsed = raw.parse()
    assert parsed._request_id == headers["x-request-id"]
    assert parsed.to_dict() == TEXT.completion


@pytest.mark.usefixtures("shop")
def test_models_are_the_routes_that_the_key_may_use(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["m", "mock", "mock-away", "mock-cut", "mock-limited", "mock-slow"]
    model = client.models.retrieve("m")
    assert (model.id, model.object) == ("m", "model")
    assert isinstance(model.created, int)
    assert isinstance(model.owned_by, str)
    assert [model.id for model in client.with_options(api_key=NARROW_KEY).models.list()] == ["m"]
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("none-such")
    assert caught.value.code == "model_not_found"


def test_an_answer_with_unknown_members_is_passed_on(shop: Shop, client: openai.OpenAI) -> None:
    extended = {**TEXT.completion, "x_provider": {"trace": [1, {"a": None}]}}
    shop.upstream.script(whole(json.dumps(extended).encode()))
    assert client.chat.completions.create(model="m", messages=ASK).to_dict() == extended
