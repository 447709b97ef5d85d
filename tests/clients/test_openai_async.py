"""The stock asynchronous `openai` client: many calls at a time on few connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import openai
import pytest

from tests.clients.answers import CASES, TEXT, Case
from tests.clients.conftest import Shop
from tests.clients.test_openai import ASK
from tests.support.reply import Gate, answer, data, error, stream
from tests.support.upstream import Received, wait_gone


@pytest.fixture
async def client(shop: Shop) -> AsyncIterator[openai.AsyncOpenAI]:
    """The stock client, which does not retry by itself."""
    async with openai.AsyncOpenAI(base_url=shop.base_url, api_key=shop.key, max_retries=0, timeout=30) as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_answer_is_the_upstreams(shop: Shop, client: openai.AsyncOpenAI, case: Case) -> None:
    shop.upstream.script(case.json(), case.stream())
    completion = await client.chat.completions.create(model="m", messages=ASK)
    assert completion.to_dict() == case.completion
    async with await client.chat.completions.create(model="m", messages=ASK, stream=True) as events:
        assert [event.to_dict() async for event in events] == list(case.chunks)


async def test_many_at_a_time_get_each_its_own(shop: Shop, client: openai.AsyncOpenAI) -> None:
    def echo(received: Received) -> object:
        asked = received.json()
        said = asked["messages"][0]["content"]
        events = [data({**event, "id": said}) for event in TEXT.chunks]
        return stream([*events, data(TEXT.usage), data("[DONE]")]) if asked.get("stream") else answer(said)

    shop.upstream.otherwise = echo  # type: ignore[assignment]

    async def one(number: int) -> None:
        said = f"number {number}"
        completion = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": said}])
        assert completion.choices[0].message.content == said
        events = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": said}], stream=True
        )
        assert [event.to_dict() async for event in events] == [{**event, "id": said} for event in TEXT.chunks]

    await asyncio.gather(*map(one, range(60)))


async def test_a_task_that_is_cancelled_ends_the_upstream_call(shop: Shop, client: openai.AsyncOpenAI) -> None:
    gate = Gate()
    shop.upstream.script(stream([data(TEXT.chunks[0]), data(TEXT.chunks[1]), gate]))
    begun = asyncio.Event()

    async def read() -> None:
        async with await client.chat.completions.create(model="m", messages=ASK, stream=True) as events:
            async for _ in events:
                begun.set()

    task = asyncio.create_task(read())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(wait_gone, shop.upstream.take())


async def test_errors_are_raised(shop: Shop, client: openai.AsyncOpenAI) -> None:
    shop.upstream.script(error(429, "Slow down."))
    with pytest.raises(openai.RateLimitError):
        await client.chat.completions.create(model="m", messages=ASK, stream=True)
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="not-a-key-of-ours").models.list()
