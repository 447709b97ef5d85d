"""The stock `openai` client, streaming: event by event what the upstream sent."""

from __future__ import annotations

import openai
import pytest

from tests.clients.answers import CASES, CHOICES, PIECES, TEXT, TOOLS, Case
from tests.clients.conftest import Shop
from tests.clients.test_openai import ASK, WEATHER
from tests.support.reply import DONE, Gate, chunk, cut, data, stream
from tests.support.upstream import wait_gone


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_events_are_the_upstreams(shop: Shop, client: openai.OpenAI, case: Case) -> None:
    shop.upstream.script(case.stream())
    with client.chat.completions.create(model="m", messages=ASK, stream=True) as events:
        seen = [event.to_dict() for event in events]
    assert seen == list(case.chunks)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_with_usage_where_the_caller_asks_for_it(shop: Shop, client: openai.OpenAI, case: Case) -> None:
    shop.upstream.script(case.stream())
    with client.chat.completions.create(
        model="m", messages=ASK, stream=True, stream_options={"include_usage": True}
    ) as events:
        seen = [event.to_dict() for event in events]
    assert seen == [*case.chunks, case.usage]


def test_usage_is_asked_of_the_upstream_always(shop: Shop, client: openai.OpenAI) -> None:
    shop.upstream.otherwise = TEXT.stream()
    for options in (None, {"include_usage": False}, {"include_obfuscation": False}, {"include_usage": True}):
        extra = {} if options is None else {"stream_options": options}
        with client.chat.completions.create(model="m", messages=ASK, stream=True, extra_body=extra) as events:
            for _ in events:
                pass
        sent = shop.upstream.take().json()
        assert sent["stream"] is True
        assert sent["stream_options"] == {**(options or {}), "include_usage": True}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 4096])
def test_events_do_not_depend_on_how_they_were_cut(shop: Shop, client: openai.OpenAI, size: int) -> None:
    body = b"".join(step for step in TOOLS.stream().body if isinstance(step, bytes))
    shop.upstream.script(stream([body[start : start + size] for start in range(0, len(body), size)]))
    with client.chat.completions.create(model="m", messages=ASK, stream=True) as events:
        assert [event.to_dict() for event in events] == list(TOOLS.chunks)


def test_each_event_arrives_before_the_next_is_sent(shop: Shop, client: openai.OpenAI) -> None:
    gates = [Gate() for _ in TEXT.chunks]
    steps = [step for event, gate in zip(TEXT.chunks, gates, strict=True) for step in (data(event), gate)]
    shop.upstream.script(stream([*steps, data(TEXT.usage), DONE]))
    # The head and what comes before the first content are held back together: they have no gate to wait at.
    gates[0].open()
    with client.chat.completions.create(model="m", messages=ASK, stream=True) as events:
        assert next(events).to_dict() == TEXT.chunks[0]
        for expected, gate in zip(TEXT.chunks[1:], gates[1:], strict=True):
            assert next(events).to_dict() == expected
            gate.open()
        assert list(events) == []


def test_the_helper_puts_a_stream_together(shop: Shop, client: openai.OpenAI) -> None:
    shop.upstream.script(TOOLS.stream())
    with client.chat.completions.stream(model="m", messages=ASK, tools=[WEATHER]) as events:
        kinds = [event.type for event in events]
        final = events.get_final_completion()
    assert kinds.count("chunk") == len(TOOLS.chunks)
    calls = final.choices[0].message.tool_calls
    assert calls
    expected = TOOLS.completion["choices"][0]["message"]["tool_calls"]
    assert [(call.id, call.function.name, call.function.arguments) for call in calls] == [
        (call["id"], call["function"]["name"], call["function"]["arguments"]) for call in expected
    ]
    assert final.choices[0].finish_reason == "tool_calls"


def test_choices_keep_their_places(shop: Shop, client: openai.OpenAI) -> None:
    shop.upstream.script(CHOICES.stream())
    texts = ["", "", ""]
    with client.chat.completions.create(model="m", messages=ASK, stream=True, n=3) as events:
        for event in events:
            for choice in event.choices:
                texts[choice.index] += choice.delta.content or ""
    assert texts == [choice["message"]["content"] for choice in CHOICES.completion["choices"]]


def test_raw_response_of_a_stream(shop: Shop, client: openai.OpenAI) -> None:
    shop.upstream.script(TEXT.stream())
    raw = client.chat.completions.with_raw_response.create(model="m", messages=ASK, stream=True)
    assert raw.headers["content-type"].startswith("text/event-stream")
    assert raw.headers["x-tollway-route"] == "m"
    assert raw.request_id == raw.headers["x-request-id"]
    with raw.parse() as events:
        assert "".join(event.choices[0].delta.content or "" for event in events) == "".join(PIECES)


def test_a_client_that_leaves_ends_the_upstream_call(shop: Shop, client: openai.OpenAI) -> None:
    gate = Gate()
    shop.upstream.script(stream([data(TEXT.chunks[0]), data(TEXT.chunks[1]), gate]))
    events = client.chat.completions.create(model="m", messages=ASK, stream=True)
    assert next(events).to_dict() == TEXT.chunks[0]
    events.close()
    wait_gone(shop.upstream.take())


def test_a_stream_that_breaks_off_is_an_error_after_its_events(shop: Shop, client: openai.OpenAI) -> None:
    whole_stream = TEXT.stream()
    three = sum(len(step) for step in whole_stream.wire()[:4] if isinstance(step, bytes))
    shop.upstream.script(cut(whole_stream, three))
    with client.chat.completions.create(model="m", messages=ASK, stream=True) as events:
        assert [next(events).to_dict() for _ in range(3)] == list(TEXT.chunks[:3])
        with pytest.raises(openai.APIError) as caught:
            next(events)
    assert caught.value.code == "upstream_error"


def test_an_error_within_a_stream_is_raised(shop: Shop, client: openai.OpenAI) -> None:
    error = {"error": {"message": "The server had an error.", "type": "server_error", "param": None, "code": None}}
    shop.upstream.script(stream([chunk({"role": "assistant", "content": "Hel"}), data(error)]))
    with client.chat.completions.create(model="m", messages=ASK, stream=True) as events:
        assert next(events).choices[0].delta.content == "Hel"
        with pytest.raises(openai.APIError, match="The server had an error"):
            next(events)
