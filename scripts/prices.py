"""Makes the bundled price table, python/tollway/config/price_table.jsonl, from PyPI's `genai-prices`.

`make prices` runs it, from the release that requirements/test.txt locks; without network, and without the package's own
updates. `tollway.config.price_table` says what the lines mean. What no answer reports apart is left out: cached
pictures, which count as cached text, pages, file searches, and the hours of live connections.
"""

import json
from collections.abc import Iterator
from datetime import time
from decimal import Decimal
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from genai_prices import __version__
from genai_prices.data import providers
from genai_prices.types import (
    ClauseAnd,
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ConditionalPrice,
    MatchLogic,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

Json = dict[str, Any]
Clause = str | list[Any] | Json
When = StartDateConstraint | TimeOfDateConstraint | None

TABLE = Path(__file__).resolve().parent.parent / "python/tollway/config/price_table.jsonl"
LICENSE = TABLE.with_suffix(".LICENSE")

# What the record calls a price of the package, and what makes a million (or a thousand hours) of what it counts.
ITEMS = {
    "input_mtok": ("input", 1),
    "cache_read_mtok": ("cache_read", 1),
    "cache_audio_read_mtok": ("audio_cache_read", 1),
    "cache_write_mtok": ("cache_write", 1),
    "cache_write_5m_mtok": ("cache_write", 1),
    "cache_write_1h_mtok": ("cache_write_1h", 1),
    "input_audio_mtok": ("audio_input", 1),
    "input_image_mtok": ("image_input", 1),
    "input_video_mtok": ("video_input", 1),
    "input_audio_hours": ("audio_input_ms", 1000),
    "input_mchars": ("characters", 1),
    "output_mtok": ("output", 1),
    "output_reasoning_mtok": ("reasoning", 1),
    "output_audio_mtok": ("audio_output", 1),
    "output_image_mtok": ("image_output", 1),
    "output_video_mtok": ("video_output", 1),
    "web_searches_kcount": ("web_searches", 1000),
    "requests_kcount": ("request", 1000),
}


def table() -> str:
    lines = (json.dumps(line, separators=(",", ":"), ensure_ascii=False) for line in _lines())
    return "".join(f"{line}\n" for line in lines)


def license_text() -> str:
    """The package's licence, which asks to go with every copy: the table is one of its data."""
    texts = [file.read_text() for file in distribution("genai-prices").files or () if file.name == "LICENSE"]
    if len(texts) != 1:
        raise SystemExit("genai-prices has its licence elsewhere now")
    return f"price_table.jsonl is made from the data of genai-prices, under this licence:\n\n{texts[0]}"


def _lines() -> Iterator[Json]:
    yield {"version": f"genai-prices/{__version__}"}
    # In the package's order: of sellers and of models that match, the first counts.
    for seller in providers:
        yield _seller(seller)
        yield from map(_model, seller.models)


def _seller(seller: Provider) -> Json:
    said: Json = {"seller": seller.id, "url": seller.api_pattern}
    if seller.provider_match is not None:
        said["named"] = _clause(seller.provider_match)
    if seller.fallback_model_providers:
        said["also"] = seller.fallback_model_providers
    return said


def _model(model: ModelInfo) -> Json:
    prices = [ConditionalPrice(prices=model.prices)] if isinstance(model.prices, ModelPrice) else model.prices
    said: Json = {"model": model.id, "match": _clause(model.match)}
    said["prices"] = [_when(price.constraint) | {"rates": _rates(price.prices)} for price in prices]
    if model.price_variants:
        said["variants"] = [
            _when(variant.constraint) | {"terms": variant.when, "rates": _rates(variant.prices)}
            for variant in model.price_variants
        ]
    return said


def _clause(clause: MatchLogic) -> Clause:
    if isinstance(clause, ClauseEquals):
        return clause.equals.lower()
    if isinstance(clause, ClauseOr):
        return [_clause(one) for one in clause.or_]
    if isinstance(clause, ClauseAnd):
        return {"all": [_clause(one) for one in clause.and_]}
    if isinstance(clause, ClauseRegex):
        return {"regex": clause.regex}
    ((kind, text),) = vars(clause).items()  # starts_with, ends_with, contains
    return {kind: text.lower()}


def _when(constraint: When) -> Json:
    if isinstance(constraint, StartDateConstraint):
        return {"from": constraint.start_date.isoformat()}
    if isinstance(constraint, TimeOfDateConstraint):
        return {"daily": [_second(constraint.start_time), _second(constraint.end_time)]}
    return {}


def _second(moment: time) -> int:
    """The second of the UTC day; a time without a zone is UTC."""
    offset = moment.utcoffset()
    shift = 0 if offset is None else int(offset.total_seconds())
    return (moment.hour * 3600 + moment.minute * 60 + moment.second - shift) % 86_400


def _rates(prices: ModelPrice) -> Json:
    found = ((ITEMS.get(name), price) for name, price in vars(prices).items() if price is not None)
    return {item[0]: _rate(price, item[1]) for item, price in found if item is not None}


def _rate(price: Decimal | TieredPrices, times: int) -> int | Json:
    if isinstance(price, TieredPrices):
        return {
            "base": _nano(price.base, times),
            "over": [[tier.start, _nano(tier.price, times)] for tier in price.tiers],
        }
    return _nano(price, times)


def _nano(dollars: Decimal, times: int) -> int:
    return int((dollars * times * 10**9).to_integral_value())


def main() -> None:
    TABLE.write_text(table())
    LICENSE.write_text(license_text())
    print(TABLE.name, TABLE.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
