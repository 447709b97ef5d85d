"""The service tier that an answer tells: in its record and its price, whatever dialects are spoken on the way."""

from __future__ import annotations

import contextlib
import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.records.looking import record_of
from tests.support.gateway import RunningGateway
from tests.support.reply import Reply, stream, whole
from tests.support.spoken import CACHED, INPUT, OUTPUT, SPOKEN, asking, configuration
from tests.support.toml import render
from tests.support.upstream import ScriptedUpstream
from tests.support.wire import Answer, request

Json = dict[str, Any]

PRICE = {
    "input_per_mtok": 2,
    "output_per_mtok": 10,
    "cache_read_per_mtok": 0.5,
    "service_tiers": {"flex": {"multiplier": 0.5}, "batch": {"input_per_mtok": 1}},
}
UNCACHED = INPUT - CACHED
USUAL = UNCACHED * 2_000 + CACHED * 500 + OUTPUT * 10_000
WORDS = [
    ("chat", "default", "standard", USUAL),
    ("chat", "auto", None, USUAL),
    ("chat", "flex", "flex", USUAL // 2),
    ("chat", "priority", "priority", None),
    ("chat", "scale", "scale", None),
    ("chat", "something-new", "other", None),
    ("responses", "default", "standard", USUAL),
    ("responses", "flex", "flex", USUAL // 2),
    ("anthropic", "standard", "standard", USUAL),
    ("anthropic", "batch", "batch", USUAL - UNCACHED * 1_000),
    ("anthropic", "priority", "priority", None),
    ("gemini", "FLEX", "flex", USUAL // 2),
    ("gemini", "ON_DEMAND", "standard", USUAL),
    ("gemini", "PROVISIONED_THROUGHPUT", "provisioned", None),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningGateway, ScriptedUpstream]]:
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(ScriptedUpstream())
        document: Json = tomllib.loads(configuration(upstream.url))
        for name in SPOKEN:
            document["providers"][name]["prices"] = {"up-model": PRICE}
        gateway = stack.enter_context(RunningGateway(render(document), tmp_path_factory.mktemp("tier")))
        yield gateway, upstream


@pytest.fixture
def gateway(shared: tuple[RunningGateway, ScriptedUpstream]) -> RunningGateway:
    shared[1].reset()
    return shared[0]


@pytest.fixture
def upstream(shared: tuple[RunningGateway, ScriptedUpstream]) -> ScriptedUpstream:
    return shared[1]


def tiered(target: str, event: Json, word: str) -> Json:
    """An answer, or an event of one, that tells its tier where its API does."""
    match target:
        case "chat":
            return {**event, "service_tier": word}
        case "responses":
            inside = event.get("response")
            # What a response begins with is what was asked for.
            asked = "auto" if event.get("type") in {"response.created", "response.in_progress"} else word
            return (
                {**event, "response": {**inside, "service_tier": asked}} if inside else {**event, "service_tier": word}
            )
        case "anthropic":
            message = event.get("message", event)
            if "input_tokens" in message.get("usage", {}):
                message["usage"]["service_tier"] = word
            return event
    if "usageMetadata" in event:
        event["usageMetadata"]["serviceTier" if word == "FLEX" else "trafficType"] = word
    return event


def served(target: str, word: str, streamed: bool) -> Reply:
    if not streamed:
        return whole(json.dumps(tiered(target, json.loads(json.dumps(SPOKEN[target].text)), word)).encode())
    steps = []
    for event in SPOKEN[target].text_events:
        head, found, data = event.partition(b"data: ")
        is_json = data.startswith(b"{")
        steps.append(
            head + found + (json.dumps(tiered(target, json.loads(data), word)).encode() if is_json else data.strip())
        )
    return stream([step + b"\n\n" for step in steps])


def ask(gateway: RunningGateway, caller: str, route: str, streamed: bool) -> Answer:
    target, body = asking(caller, route, streamed)
    with gateway.connect() as wire:
        wire.send(request(body, [("x-tollway-trailer", "true")], key=gateway.key, target=target))
        answer = wire.answer()
    assert answer.status == 200, answer.body
    return answer


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", WORDS, ids=lambda case: f"{case[0]}-{case[1]}")
def test_a_tier_is_kept_and_priced(
    gateway: RunningGateway, upstream: ScriptedUpstream, case: tuple[str, str, str | None, int | None], streamed: bool
) -> None:
    target, word, tier, cost = case
    for caller in {target, "chat", "anthropic"}:
        upstream.script(served(target, word, streamed))
        one = record_of(gateway, ask(gateway, caller, target, streamed))
        assert (one["service_tier"], one["cost_nano"]) == (tier, cost), caller


def test_a_tier_is_searched_for(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    upstream.script(served("chat", "flex", False))
    one = record_of(gateway, ask(gateway, "chat", "chat", False))
    found = gateway.admin.get("/admin/v1/requests", params={"service_tier": "flex", "limit": 500})
    assert found.status_code == 200, found.text
    assert one["id"] in [each["id"] for each in found.json()["data"]]
    assert {each["service_tier"] for each in found.json()["data"]} == {"flex"}


@pytest.mark.parametrize("target", SPOKEN)
@pytest.mark.parametrize("caller", SPOKEN)
def test_the_trailer_of_every_stream(
    gateway: RunningGateway, upstream: ScriptedUpstream, caller: str, target: str
) -> None:
    upstream.script(SPOKEN[target].streamed("text"))
    answer = ask(gateway, caller, target, True)
    lines = answer.body.split(b"\n")
    [at] = [index for index, line in enumerate(lines) if line.startswith(b": tollway ")]
    told = json.loads(lines[at].removeprefix(b": tollway "))
    assert told == {
        "request_id": answer.header("x-request-id"),
        "input_tokens": INPUT,
        "output_tokens": OUTPUT,
        "estimated": False,
        "cost_usd": USUAL / 10**9,
        "flags": [],
    }
    if (caller, target) != ("gemini", "gemini"):
        # Gemini's own streams have no last event that says that they are over.
        assert any(line.startswith(b"data: ") for line in lines[at:]), "it comes before the end"
    assert f'"cost_usd":{USUAL / 10**9:.9f}'.rstrip("0").encode() in lines[at]
