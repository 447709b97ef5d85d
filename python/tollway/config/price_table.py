"""The bundled price table: PyPI's `genai-prices`, read where it lies, without network and without its updates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any

from genai_prices import __version__
from genai_prices.data import providers as sellers
from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

Json = dict[str, Any]
When = StartDateConstraint | TimeOfDateConstraint | None

VERSION = f"genai-prices/{__version__}"
"""The version of the table."""

# One of our own, so that nothing that updates the library's can change prices in a running gateway.
_TABLE = DataSnapshot(providers=sellers, from_auto_update=False)

_ITEMS = {
    "input_mtok": ("input", 1),
    "cache_read_mtok": ("cache_read", 1),
    "cache_write_mtok": ("cache_write", 1),
    "cache_write_5m_mtok": ("cache_write", 1),
    "cache_write_1h_mtok": ("cache_write_1h", 1),
    "input_audio_mtok": ("audio_input", 1),
    "input_image_mtok": ("image_input", 1),
    "output_mtok": ("output", 1),
    "output_reasoning_mtok": ("reasoning", 1),
    "output_audio_mtok": ("audio_output", 1),
    "output_image_mtok": ("image_output", 1),
    "web_searches_kcount": ("web_searches", 1000),
    "requests_kcount": ("request", 1000),
}
"""What the record calls a price of the table, and what makes a million of what the table counts.

Left out is what no answer reports apart: cached audio and pictures, which count as cached text, hours of audio, pages,
file searches.
"""

_ONE_PRICE = frozenset({"google"})
"""Sellers who say so where audio costs more than text: without a price of its own, it costs the same.

https://ai.google.dev/gemini-api/docs/pricing lists "text / image / video" and "audio" apart where they differ.
"""


@cache
def periods(url: str | None, seller: str | None, model: str) -> list[Json]:
    """The periods of `model` at the seller whose API is at `url`, or else whose name is `seller`; none if unknown."""
    for provider in _providers(url, seller):
        found = provider.find_model(model.lower(), all_providers=_TABLE.providers)
        if found is not None:
            return [_period(provider, found, price) for price in _conditional(found)]
    return []


def _providers(url: str | None, seller: str | None) -> Iterator[Provider]:
    for provider_id, provider_url in ((None, url), (seller, None)):
        if provider_id is not None or provider_url is not None:
            try:
                yield _TABLE.find_provider(None, provider_id, provider_url)
            except LookupError:
                continue


def _conditional(model: ModelInfo) -> list[ConditionalPrice]:
    return [ConditionalPrice(prices=model.prices)] if isinstance(model.prices, ModelPrice) else model.prices


def _period(provider: Provider, model: ModelInfo, price: ConditionalPrice) -> Json:
    start = price.constraint.start_date if isinstance(price.constraint, StartDateConstraint) else None
    rates = _rates(price.prices)
    if provider.id in _ONE_PRICE and "input" in rates:
        rates.setdefault("audio_input", rates["input"])
    return {
        "when": _when(price.constraint),
        "version": VERSION if start is None else f"{VERSION}@{start.isoformat()}",
        "rates": rates,
        "variants": [
            {"when": _when(variant.constraint), "terms": variant.when, "rates": _rates(variant.prices)}
            for variant in model.price_variants or ()
        ],
    }


def _when(constraint: When) -> Json:
    if isinstance(constraint, StartDateConstraint):
        return {"from": int(datetime.combine(constraint.start_date, time(), UTC).timestamp())}
    if isinstance(constraint, TimeOfDateConstraint):
        return {"daily": [_second(constraint.start_time), _second(constraint.end_time)]}
    return {}


def _second(moment: time) -> int:
    """The second of the UTC day; a time without a zone is UTC."""
    offset = moment.utcoffset()
    shift = 0 if offset is None else int(offset.total_seconds())
    return (moment.hour * 3600 + moment.minute * 60 + moment.second - shift) % 86_400


def _rates(prices: ModelPrice) -> Json:
    found = ((_ITEMS.get(name), price) for name, price in vars(prices).items() if price is not None)
    return {item[0]: _rate(price, item[1]) for item, price in found if item is not None}


def _rate(price: Decimal | TieredPrices, times: int) -> int | Json:
    if isinstance(price, TieredPrices):
        over = [[tier.start, _nano(tier.price, times)] for tier in price.tiers]
        return {"base": _nano(price.base, times), "over": over}
    return _nano(price, times)


def _nano(dollars: Decimal, times: int) -> int:
    return int((dollars * times * 10**9).to_integral_value())
