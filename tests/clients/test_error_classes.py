"""What a provider's error leads to is decided by what it says, not by its status; stock clients see the outcome."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import openai
import pytest

from tests.clients.test_openai import ASK
from tests.support.gateway import RunningGateway, minimal
from tests.support.reply import CONTENT, Reply, answer, events, stream, whole
from tests.support.spoken import SPOKEN
from tests.support.upstream import ScriptedUpstream

TOO_LONG = {
    "type": "error",
    "error": {"type": "invalid_request_error", "message": "prompt is too long: 3333404 tokens > 200000 maximum"},
    "request_id": "req_1",
}
OUT_OF_CREDIT = {
    "type": "error",
    "error": {
        "type": "invalid_request_error",
        "message": "Your credit balance is too low to access the Anthropic API.",
    },
    "request_id": "req_1",
}
FILTERED = {
    "type": "error",
    "error": {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"},
}
BLOCKED = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4}}


def _exhausted(quota: str, delay: str) -> Reply:
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay},
    ]
    said = {"code": 429, "message": "Exceeded.", "status": "RESOURCE_EXHAUSTED", "details": details}
    return whole(json.dumps({"error": said}).encode(), 429)


@dataclass(frozen=True)
class Shop:
    """A gateway, the provider that fails, and the one beside it, which speaks chat completions."""

    gateway: RunningGateway
    first: ScriptedUpstream
    other: ScriptedUpstream

    def ask(self, route: str, *, streamed: bool = False) -> str | None:
        """What a stock client gets of `route`."""
        with openai.OpenAI(base_url=f"{self.gateway.url}/v1", api_key=self.gateway.key, max_retries=0) as client:
            if not streamed:
                return client.chat.completions.create(model=route, messages=ASK).choices[0].message.content
            chunks = list(client.chat.completions.create(model=route, messages=ASK, stream=True))
            return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    @property
    def asked(self) -> tuple[int, int]:
        """How many requests reached the first provider, and the other."""
        return len(self.first.requests), len(self.other.requests)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with ScriptedUpstream() as first, ScriptedUpstream() as other:
        kinds = {"anthropic": "anthropic", "indebted": "anthropic"}
        kinds |= dict.fromkeys(("gemini", "by-minute", "by-day"), "gemini")
        providers = {
            name: {"type": kind, "base_url": f"{first.url}{SPOKEN[kind].base}", "api_key": "env:TEST_UPSTREAM_KEY"}
            for name, kind in kinds.items()
        }
        providers["other"] = {"type": "openai", "base_url": f"{other.url}/v1", "api_key": "env:TEST_UPSTREAM_KEY"}
        once = {"model": "up-model", "max_retries": 0}
        target = {"provider": "other", **once}
        elsewhere = {"context_window_fallback": "other", "content_policy_fallback": "other"}
        routes = {
            "other": target,
            "anthropic": {"provider": "anthropic", **once},
            "gemini": {"provider": "gemini", **once},
            "anthropic-or-other": {"provider": "anthropic", **once, **elsewhere},
            "gemini-or-other": {"provider": "gemini", **once, **elsewhere},
        } | {
            name: {"strategy": "fallback", "targets": [{"provider": name, **once}, target]}
            for name in ("indebted", "by-minute", "by-day")
        }
        text = minimal(first.url, providers=providers, routes=routes)
        with RunningGateway(text, tmp_path_factory.mktemp("classes")) as gateway:
            yield Shop(gateway, first, other)


@pytest.fixture
def shop(running: Shop) -> Shop:
    running.first.reset()
    running.other.reset()
    return running


def _other_answers(shop: Shop, *, streamed: bool = False) -> None:
    shop.other.script(stream(events()) if streamed else answer())


@pytest.mark.parametrize("streamed", [False, True], ids=["json", "stream"])
def test_what_is_too_long_goes_to_the_route_for_it(shop: Shop, streamed: bool) -> None:
    shop.first.script(whole(json.dumps(TOO_LONG).encode(), 400))
    _other_answers(shop, streamed=streamed)
    assert shop.ask("anthropic-or-other", streamed=streamed) == CONTENT
    assert shop.asked == (1, 1)


def test_what_is_too_long_is_told_where_there_is_no_such_route(shop: Shop) -> None:
    shop.first.script(whole(json.dumps(TOO_LONG).encode(), 400))
    with pytest.raises(openai.BadRequestError, match="prompt is too long: 3333404 tokens"):
        shop.ask("anthropic")
    body = json.dumps(TOO_LONG).encode()
    shop.first.script(whole(body, 400))
    said = {"model": "anthropic", "max_tokens": 9, "messages": ASK}
    headers = {"x-api-key": shop.gateway.key}
    told = httpx.post(f"{shop.gateway.url}/v1/messages", json=said, headers=headers, trust_env=False)
    assert (told.status_code, told.content) == (400, body), "to a caller of its dialect as it was"


@pytest.mark.parametrize("streamed", [False, True], ids=["json", "stream"])
def test_a_prompt_that_gemini_blocks_goes_to_the_route_for_it(shop: Shop, streamed: bool) -> None:
    blocked = json.dumps(BLOCKED).encode()
    shop.first.script(stream([b"data: %s\r\n\r\n" % blocked]) if streamed else whole(blocked))
    _other_answers(shop, streamed=streamed)
    assert shop.ask("gemini-or-other", streamed=streamed) == CONTENT
    assert shop.asked == (1, 1)


def test_a_prompt_that_gemini_blocks_is_an_answer_where_there_is_no_such_route(shop: Shop) -> None:
    shop.first.script(whole(json.dumps(BLOCKED).encode()))
    assert not shop.ask("gemini")
    assert shop.asked == (1, 0)


def test_content_that_is_refused_in_a_stream_goes_to_the_route_for_it(shop: Shop) -> None:
    shop.first.script(stream([b"event: error\ndata: %s\n\n" % json.dumps(FILTERED).encode()]))
    _other_answers(shop, streamed=True)
    assert shop.ask("anthropic-or-other", streamed=True) == CONTENT
    assert shop.asked == (1, 1)


def test_a_limit_by_the_minute_moves_load_for_as_long_as_it_says(shop: Shop) -> None:
    shop.first.script(_exhausted("GenerateContentInputTokensPerModelPerMinute", "34.07s"))
    assert [shop.ask("by-minute") for _ in range(3)] == [CONTENT] * 3
    assert shop.asked == (1, 3), "the limited one is left alone"


@pytest.mark.parametrize("route", ["by-day", "indebted"])
def test_what_is_used_up_is_not_asked_again(shop: Shop, route: str) -> None:
    out = _exhausted("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "0.001s")
    shop.first.script(out if route == "by-day" else whole(json.dumps(OUT_OF_CREDIT).encode(), 400))
    assert [shop.ask(route) for _ in range(3)] == [CONTENT] * 3
    assert shop.asked == (1, 3), "the wait of a minute's limit does not bring a day's back"
