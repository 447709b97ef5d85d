"""What a request cost: in its answer's header, its record, the roll-ups and the metrics; unknown is not zero."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.records.looking import record_of
from tests.support.gateway import RunningGateway, chat_body, minimal
from tests.support.reply import completion, error, events, stream, whole
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually

HEADER = "x-tollway-cost-usd"
CACHED: dict[str, Any] = {
    "prompt_tokens": 1000,
    "completion_tokens": 100,
    "prompt_tokens_details": {"cached_tokens": 400},
    "completion_tokens_details": {"reasoning_tokens": 60},
}


@dataclass
class Priced:
    """A gateway with models that have prices, and one that has none."""

    gateway: RunningGateway
    upstream: ScriptedUpstream


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Priced]:
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(ScriptedUpstream())
        own = {"input_per_mtok": 2, "output_per_mtok": 10, "cache_read_per_mtok": 0.5, "reasoning_per_mtok": 20}
        text = minimal(
            upstream.url,
            provider={"prices": {"own": own}},
            routes={
                "own": {"provider": "up", "model": "own", "max_retries": 0},
                "listed": {"provider": "up", "model": "gpt-4o", "max_retries": 0},
            },
        )
        gateway = stack.enter_context(RunningGateway(text, tmp_path_factory.mktemp("cost")))
        yield Priced(gateway, upstream)


def test_a_price_of_the_file(priced: Priced) -> None:
    priced.upstream.script(whole(completion(usage=CACHED)))
    answer = priced.gateway.chat(chat_body("own"))
    # 600 * 2 + 400 * 0.5 + 40 * 10 + 60 * 20 = 3,000 millionths of a dollar.
    assert answer.header(HEADER) == "0.003"
    one = record_of(priced.gateway, answer)
    assert (one["cost_nano"], one["price_version"]) == (3_000_000, "declared")


def test_a_price_of_the_table(priced: Priced) -> None:
    priced.upstream.script(whole(completion()))
    answer = priced.gateway.chat(chat_body("listed"))
    # 9 * 2.5 + 5 * 10 millionths.
    assert answer.header(HEADER) == "0.0000725"
    one = record_of(priced.gateway, answer)
    assert one["cost_nano"] == 72_500
    assert one["price_version"].startswith("genai-prices/")


def test_a_stream(priced: Priced) -> None:
    priced.upstream.script(stream(events()))
    answer = priced.gateway.chat(chat_body("own", stream=True))
    assert answer.header(HEADER) is None, "not known before its end"
    assert record_of(priced.gateway, answer)["cost_nano"] == 9 * 2_000 + 5 * 10_000


def test_no_price_and_no_answer(priced: Priced) -> None:
    priced.upstream.script(whole(completion()), error(500))
    for answer in (priced.gateway.chat(), priced.gateway.chat(chat_body("own"))):
        assert answer.header(HEADER) is None
        one = record_of(priced.gateway, answer)
        assert (one["cost_nano"], one["price_version"]) == (None, None)


def test_sums(priced: Priced) -> None:
    """After the tests above, or by itself."""
    priced.upstream.script(whole(completion(usage=CACHED)))
    priced.gateway.chat(chat_body("own"))
    labels = 'route="own",provider="up",model="own"'

    def agree() -> bool:
        rows = priced.gateway.admin.get("/admin/v1/usage", params={"by": "route"}).json()["data"]
        by_route = {row["route"]: row["cost_nano"] for row in rows}
        page = httpx.get(f"{priced.gateway.admin_url}/metrics", trust_env=False).text
        samples = dict(line.rsplit(" ", 1) for line in page.splitlines() if line.startswith("tollway_cost_usd_total"))
        assert by_route.get("m") is None
        assert not any('route="m"' in sample for sample in samples)
        counted = round(float(samples.get(f"tollway_cost_usd_total{{{labels}}}", 0)) * 10**9)
        return counted >= 3_000_000 and counted == by_route.get("own")

    eventually(agree, "the roll-ups and the metrics agree")
