"""The price map of LiteLLM, as a second opinion. Each difference is listed in `differences.txt`.

`TOLLWAY_WRITE_DIFFERENCES=1 pytest tests/prices` writes the list anew after an upgrade of either; read what is new.
"""

from __future__ import annotations

import importlib.util
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.prices.settings import TABLE

pytestmark = pytest.mark.clients

FILE = Path(__file__).parent / "differences.txt"
SELLERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "gemini": "google",
    "deepseek": "deepseek",
    "groq": "groq",
    "mistral": "mistral",
    "xai": "x-ai",
    "perplexity": "perplexity",
}
AT = 1795219200
"""2026-11-21: a price that changes later must not fail the test later."""

ITEMS = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
}


def test_every_difference_is_listed() -> None:
    spec = importlib.util.find_spec("litellm")
    if spec is None or spec.origin is None:
        pytest.skip("litellm is not installed")
    theirs = json.loads((Path(spec.origin).parent / "model_prices_and_context_window_backup.json").read_text())
    compared, differences = 0, []
    for name, entry in sorted(theirs.items()):
        seller = SELLERS.get(entry.get("litellm_provider", ""))
        if seller is None or entry.get("mode") not in ("chat", "responses", "embedding"):
            continue
        ours = now(seller, name.rpartition("/")[2])
        if ours is not None:
            compared += 1
            differences += [f"{seller} {name} {told}" for told in differing(ours, entry)]
    text = "".join(f"{line}\n" for line in differences)
    if os.environ.get("TOLLWAY_WRITE_DIFFERENCES"):
        FILE.write_text(text)
    assert compared > 150
    assert text == FILE.read_text()


def now(seller: str, model: str) -> dict[str, Any] | None:
    """The rates of the moment `AT`; of prices by the hour, those of the day."""
    held = [period for period in TABLE.periods(None, seller, model) if period["when"].get("from", 0) <= AT]
    return held[-1]["rates"] if held else None


def differing(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    found = []
    for item, name in ITEMS.items():
        rate = ours.get(item)
        here = Decimal(rate["base"] if isinstance(rate, dict) else rate) / 10**9 if rate is not None else None
        there = Decimal(repr(theirs[name])) * 10**6 if theirs.get(name) is not None else None
        if here is not None and there is not None and abs(here - there) > Decimal("0.000001"):
            found.append(f"{item}: {here.normalize():f} here, {there.normalize():f} there")
    return found
