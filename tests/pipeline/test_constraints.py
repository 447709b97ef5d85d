"""What rules a target out, whatever the strategy would like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.pipeline.lab import Lab, laboratory, to
from tests.support.errors import is_error
from tests.support.reply import answer, completion, events, stream, whole
from tests.support.sse import text

GOLD_KEY = "canary-gold-virtual-key"
PIN = "gpt-4o-2024-08-06"


def content(**part: object) -> list[dict[str, object]]:
    """A message with one part besides its text."""
    return [{"role": "user", "content": [{"type": "text", "text": "x"}, part]}]


PIXEL = "data:image/png;base64,iVBORw0KGgo="
NEEDS: dict[str, dict[str, Any]] = {
    "images": {"messages": content(type="image_url", image_url={"url": PIXEL})},
    "audio": {"messages": content(type="input_audio", input_audio={"data": "AAAA", "format": "wav"})},
    "documents": {
        "messages": content(type="file", file={"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"})
    },
    "tools": {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]},
    "json": {"response_format": {"type": "json_object"}},
}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started once for this file."""
    others = {need: [other for other in NEEDS if other != need] for need in NEEDS}
    routes: dict[str, dict[str, object]] = {
        "regions": {"targets": [to("a", "regions"), to("b", "regions")]},
        **{
            need: {"targets": [to("a", need, supports=others[need]), to("b", need, supports=list(NEEDS))]}
            for need in NEEDS
        },
        "text-only": {"targets": [to("a", "text-only", supports=[])]},
        "tiers": {"targets": [to("a", "tiers", tiers=["gold"]), to("b", "tiers")]},
        "gold-only": {"targets": [to("a", "gold-only", tiers=["gold"])]},
        "priced": {"targets": [to("a", "dear"), to("b", "cheap")]},
        "dear-only": {"targets": [to("a", "dear")]},
        "unpriced": {"targets": [to("c", "unpriced")]},
        "pin-alert": {"targets": [to("a", "pin-alert", pin=PIN), to("b", "pin-alert")]},
        "pin-error": {"targets": [to("a", "pin-error", pin=PIN, on_drift="error"), to("b", "pin-error")]},
    }
    providers = {
        "a": {"region": "eu", "prices": {"dear": {"input_per_mtok": 100.0, "output_per_mtok": 1000.0}}},
        "b": {"region": "us", "prices": {"cheap": {"input_per_mtok": 0.1, "output_per_mtok": 1.0}}},
    }
    keys = {"gold": {"secret": GOLD_KEY, "tier": "gold"}}
    with laboratory(tmp_path_factory.mktemp("constraints"), routes, providers, keys=keys) as lab:
        yield lab


def test_the_region_that_the_caller_demands(lab: Lab) -> None:
    assert lab.serves("regions") == "a"
    told = lab.ask("regions", ("x-tollway-residency", "us"))
    assert told.header("x-tollway-provider") == "b"
    assert lab.record(told)["decision"] == "fallback 2/2; 1 residency"
    error = is_error(lab.ask("regions", ("x-tollway-residency", "ch")), 403, "no_eligible_target")
    assert '"ch"' in error["message"]
    assert lab.got() == (1, 1, 0)


@pytest.mark.parametrize("need", list(NEEDS))
def test_what_a_model_does_not_take_goes_elsewhere(lab: Lab, need: str) -> None:
    assert lab.serves(need) == "a"
    told = lab.ask(need, **NEEDS[need])
    assert (told.status, told.header("x-tollway-provider")) == (200, "b")
    assert lab.record(told)["decision"] == f"fallback 2/2; 1 {need}"
    error = is_error(lab.ask("text-only", **NEEDS[need]), 403, "no_eligible_target")
    assert need in error["message"]


def test_tiers(lab: Lab) -> None:
    assert lab.serves("tiers", key=GOLD_KEY) == "a"
    assert lab.serves("tiers") == "b"
    assert "gold" in is_error(lab.ask("gold-only"), 403, "no_eligible_target")["message"]


def test_what_it_may_cost(lab: Lab) -> None:
    most = ("x-tollway-max-cost-usd", "0.01")
    assert lab.serves("priced", max_tokens=100) == "a"
    told = lab.ask("priced", most, max_tokens=100)
    assert told.header("x-tollway-provider") == "b"
    assert "max_cost" in lab.record(told)["decision"]
    is_error(lab.ask("dear-only", most, max_tokens=100), 400, "cost_limit")
    is_error(lab.ask("dear-only", metadata={"max_cost_usd": 0.01}, max_tokens=100), 400, "cost_limit")
    assert lab.serves("dear-only", ("x-tollway-max-cost-usd", "1"), max_tokens=100) == "a"
    assert lab.serves("unpriced", most) == "c"
    is_error(lab.ask("priced", ("x-tollway-max-cost-usd", "much")), 400, "invalid_request", "x-tollway-max-cost-usd")


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_another_model_than_the_pinned_one_is_told(lab: Lab, streamed: bool) -> None:
    lab.a.otherwise = stream() if streamed else answer()
    told = lab.ask("pin-alert", stream=streamed)
    assert (told.status, told.header("x-tollway-provider")) == (200, "a")
    alerts = [alert for alert in lab.alerts("pin_drift") if alert["subject"] == "a/pin-alert"]
    assert len(alerts) == 1
    assert PIN in alerts[0]["message"]
    assert "up-model" in alerts[0]["message"]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_another_model_than_the_pinned_one_is_a_failure(lab: Lab, streamed: bool) -> None:
    lab.a.otherwise = stream() if streamed else answer()
    lab.b.otherwise = stream() if streamed else answer()
    told = lab.ask("pin-error", stream=streamed)
    assert (told.status, told.header("x-tollway-provider"), told.header("x-tollway-attempts")) == (200, "b", "2")


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_the_pinned_model_serves(lab: Lab, streamed: bool) -> None:
    pinned = [event.replace(b'"up-model"', f'"{PIN}"'.encode()) for event in events()]
    lab.a.otherwise = stream(pinned) if streamed else whole(completion(model=PIN))
    told = lab.ask("pin-error", stream=streamed)
    assert (told.status, told.header("x-tollway-provider")) == (200, "a")
    if streamed:
        assert text(told.body) == "Hello from upstream."


def test_explain_says_why(lab: Lab) -> None:
    first, second = lab.explain("images", {"model": "images", **NEEDS["images"]})["targets"]
    assert (first["eligible"], first["why"]) == (False, "the model does not take images")
    assert (second["eligible"], second["why"]) == (True, "tried first")
