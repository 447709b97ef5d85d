"""The stock client against the bundled mock provider: what a new user sees before they have a provider's key."""

from __future__ import annotations

import openai
import pytest

from tests.clients.conftest import Shop
from tests.clients.test_openai import ASK


def test_an_answer(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model="mock", messages=ASK)
    openai.types.chat.ChatCompletion.model_validate(completion.to_dict(), strict=True)
    assert completion.model == "mock-model"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.choices[0].message.content
    assert completion.usage
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens


def test_a_stream_says_what_the_answer_says(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="mock", messages=ASK).choices[0].message.content
    with client.chat.completions.create(
        model="mock", messages=ASK, stream=True, stream_options={"include_usage": True}
    ) as events:
        seen = list(events)
    for event in seen:
        openai.types.chat.ChatCompletionChunk.model_validate(event.to_dict(), strict=True)
    assert seen[0].choices[0].delta.role == "assistant"
    assert "".join(event.choices[0].delta.content or "" for event in seen if event.choices) == whole
    assert [event.choices[0].finish_reason for event in seen if event.choices][-1] == "stop"
    assert seen[-1].usage
    assert len({event.id for event in seen}) == 1


def test_no_usage_where_nobody_asked(client: openai.OpenAI) -> None:
    with client.chat.completions.create(model="mock", messages=ASK, stream=True) as events:
        assert all(event.choices and event.usage is None for event in events)


@pytest.mark.parametrize(
    ("model", "kind"), [("mock-limited", openai.RateLimitError), ("mock-away", openai.InternalServerError)]
)
def test_an_error_that_was_ordered(client: openai.OpenAI, model: str, kind: type[openai.APIStatusError]) -> None:
    with pytest.raises(kind) as caught:
        client.chat.completions.create(model=model, messages=ASK)
    assert caught.value.status_code == (429 if model == "mock-limited" else 503)


def test_a_cut_that_was_ordered(client: openai.OpenAI) -> None:
    with client.chat.completions.create(model="mock-cut", messages=ASK, stream=True) as events:
        assert next(events).choices[0].delta.role == "assistant"
        with pytest.raises(openai.APIError):
            list(events)


def test_a_client_may_leave_a_slow_stream(shop: Shop, client: openai.OpenAI) -> None:
    # That nothing of it runs on is checked as the fixture ends: the stream alone would take 20 seconds.
    with client.chat.completions.create(model="mock-slow", messages=ASK, stream=True) as events:
        next(events)
        assert shop.gateway.health()["in_flight"] == 1
