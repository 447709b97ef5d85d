"""The bundled table, all of it, against the package that it is made from: who, which model, since when, how much."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from genai_prices.data import providers as sellers
from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import (
    ClauseAnd,
    ClauseEndsWith,
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ClauseStartsWith,
    MatchLogic,
    ModelInfo,
    ModelPrice,
    Provider,
    TieredPrices,
    calc_unit_price,
)

from tests.prices.settings import TABLE
from tollway.config.price_table import FILE

SCRIPT: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[2] / "scripts/prices.py"))
THEIRS = DataSnapshot(providers=sellers, from_auto_update=False)
Json = dict[str, Any]


def test_it_is_what_the_locked_package_makes() -> None:
    assert FILE.read_text() == SCRIPT["table"](), "make prices"
    assert FILE.with_suffix(".LICENSE").read_text() == SCRIPT["license_text"](), "make prices"


@pytest.mark.parametrize("seller", sellers, ids=lambda seller: seller.id)
def test_every_name_finds_the_same_model(seller: Provider) -> None:
    ours = next(one for one in TABLE.sellers if one.name == seller.id)
    named = {name for other in sellers for model in other.models for name in _names(model, model.match)}
    names = {name for model in seller.models for name in _names(model, model.match)}
    # What the others sell: most of it is unknown here, save where this one sells it too.
    for name in sorted(names | set(sorted(named - names)[:: 7 if seller.fallback_model_providers else 40])):
        theirs = seller.find_model(name, all_providers=sellers)
        found = TABLE._find(ours, name.lower())
        assert (found and found["model"]) == (theirs and theirs.id), name


def _names(model: ModelInfo, clause: MatchLogic) -> Iterator[str]:
    """Names that the clause describes, and some that it hardly does not."""
    yield from (model.id, model.id.upper(), f"{model.id}-20260131", f"{model.id}-20260231", f"{model.id}:free")
    match clause:
        case ClauseOr():
            for one in clause.or_:
                yield from _names(model, one)
        case ClauseAnd():
            for one in clause.and_:
                yield from _names(model, one)
        case ClauseEquals():
            yield from (clause.equals, f"{clause.equals}-x", f"x-{clause.equals}")
        case ClauseStartsWith():
            yield from (clause.starts_with, f"{clause.starts_with}-20260131", f"x-{clause.starts_with}")
        case ClauseEndsWith():
            yield from (f"x-{clause.ends_with}", f"{clause.ends_with}-x")
        case ClauseRegex():
            yield clause.regex.strip("^$").replace("\\", "")
        case _:
            yield f"x-{clause.contains}-x"


NAMES = [*(seller.id for seller in sellers), "bedrock", "gemini", "vertex-ai", "xai", "together-ai", "voyage", "nobody"]
ADDRESSES = [
    *("https://api.openai.com/v1", "https://api.anthropic.com", "https://generativelanguage.googleapis.com/v1beta"),
    *("https://bedrock-runtime.eu-west-1.amazonaws.com", "https://mine.openai.azure.com/openai", "https://example.com"),
    *("https://us-east5-aiplatform.googleapis.com", "https://openrouter.ai/api/v1", "https://api.together.xyz/v1"),
    *("https://router.huggingface.co/groq/openai/v1", "https://api.z.ai/api", "https://API.openai.com"),
    *("https://api.groq.com/openai/v1", "https://api.mistral.ai/v1", "https://api.moonshot.cn", "https://api.x.ai/v1"),
    *("https://a.modal.run/v1", "https://api.minimaxi.com/v1", "https://one.cloud.databricks.com/serving-endpoints"),
]


@pytest.mark.parametrize("name", NAMES)
def test_every_seller_is_found_by_name(name: str) -> None:
    assert next((one.name for one in TABLE._asked(None, name)), None) == _theirs(name, None)


@pytest.mark.parametrize("url", [*ADDRESSES, *(seller.api_pattern.replace("\\", "") for seller in sellers)])
def test_every_seller_is_found_by_address(url: str) -> None:
    assert next((one.name for one in TABLE._asked(url, None)), None) == _theirs(None, url)


def _theirs(name: str | None, url: str | None) -> str | None:
    try:
        return THEIRS.find_provider(None, name, url).id
    except LookupError:
        return None


@pytest.mark.parametrize("seller", sellers, ids=lambda seller: seller.id)
def test_every_model_costs_the_same(seller: Provider) -> None:
    ours = next(one for one in TABLE.sellers if one.name == seller.id)
    for model, line in zip(seller.models, ours.models, strict=True):
        assert line["model"] == model.id
        periods = [TABLE._period(ours, line, price) for price in line["prices"]]
        for at in _moments(model):
            for terms in ({}, *(variant.when for variant in model.price_variants or ())):
                rates = _rates(periods, at, terms)
                if rates is not None:
                    _same(rates, model.get_prices(at, terms), seller)


def _moments(model: ModelInfo) -> set[datetime]:
    """The first and the last second around every change of the model's prices, and noon."""
    dated: list[Any] = [price.constraint for price in (model.prices if isinstance(model.prices, list) else [])]
    found = {datetime(2020, 1, 1, 12, tzinfo=UTC), datetime(2030, 1, 1, 12, tzinfo=UTC)}
    for constraint in (*dated, *(variant.constraint for variant in model.price_variants or ())):
        for name in ("start_time", "end_time"):
            if hasattr(constraint, name):
                moment = getattr(constraint, name)
                found.add(datetime.combine(datetime(2026, 6, 1, tzinfo=UTC), moment, moment.tzinfo or UTC))
        if hasattr(constraint, "start_date"):
            found.add(datetime.combine(constraint.start_date, datetime.min.time(), UTC))
    return {at - timedelta(seconds=before) for at in found for before in (0, 1)}


def _rates(periods: list[Json], at: datetime, terms: dict[str, str]) -> Json | None:
    """What counts at that moment on those terms, as `rust/dataplane/src/account/price.rs` says."""
    held = [period for period in periods if _holds(period["when"], at)]
    if not held:
        return None
    rates = dict(held[-1]["rates"])
    for variant in reversed(held[-1]["variants"]):
        if _holds(variant["when"], at) and variant["terms"].items() <= terms.items():
            rates |= variant["rates"]
    return rates


def _holds(when: Json, at: datetime) -> bool:
    if when.get("from", 0) > at.timestamp():
        return False
    start, end = map(int, when.get("daily", (0, 86_400)))
    second = int(at.timestamp()) % 86_400
    return start <= second < end if start <= end else second >= start or second < end


def _same(rates: Json, theirs: ModelPrice, seller: Provider) -> None:
    prices = {name: price for name, price in vars(theirs).items() if price is not None and name in SCRIPT["ITEMS"]}
    named = {SCRIPT["ITEMS"][name][0] for name in prices}
    same = {"audio_input", "audio_cache_read"} if seller.id == "google" else {"image_output"}
    assert named == rates.keys() - (same - named)
    for name, price in prices.items():
        item, times = SCRIPT["ITEMS"][name]
        starts = [tier.start for tier in price.tiers] if isinstance(price, TieredPrices) else []
        for tokens in (1, *starts, *(start + 1 for start in starts)):
            cost = calc_unit_price(price, 1_000_000, tokens, 1_000_000 // times)
            assert Decimal(_rate(rates[item], tokens)) / 10**9 == pytest.approx(cost, abs=Decimal("1e-9")), name


def _rate(rate: int | Json, tokens: int) -> int:
    if isinstance(rate, int):
        return rate
    return int(next((above for start, above in reversed(rate["over"]) if tokens > start), rate["base"]))
