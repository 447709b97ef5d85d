"""What the models of a provider cost: the bundled price table, and over it what the file declares.

A price record is plain JSON, read by `rust/dataplane/src/account/price.rs`. Rates are whole nano-dollars for a million
tokens, searches or requests:

    {"periods": [{"when": {"from": SECONDS, "daily": [SECONDS, SECONDS]}, "version": "genai-prices/0.2.3@2026-01-31",
                  "rates": {"input": RATE, "output": {"base": RATE, "over": [[TOKENS, RATE]]}, …},
                  "variants": [{"when": {}, "terms": {"service_tier": "priority"}, "rates": {…}}]}]}

Of the periods that hold at a moment the last one counts, of the variants whose terms were met the first one.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from tollway.config.price_table import PriceTable
from tollway.config.schema_price import Change, Price, Rates
from tollway.config.schema_provider import HttpProviderSettings, ProviderSettings
from tollway.providers.contract import providers

Json = dict[str, Any]

DECLARED = "declared"
"""The version of prices that the file declares."""

TOKENS = (
    *("input", "cache_read", "cache_write", "cache_write_1h", "audio_input", "image_input"),
    *("output", "reasoning", "audio_output", "image_output"),
)
"""What is priced by the token, as the record names it."""


def price_record(settings: ProviderSettings, model: str, table: PriceTable) -> Json | None:
    """The record of `model` at the provider with these settings; `None` if nothing of its price is known."""
    declared = settings.prices.get(model)
    periods: list[Json] = []
    if declared is None or declared.since is not None:
        periods += _table_periods(settings, model, table)
    if declared is not None:
        periods += _declared_periods(declared)
    return {"periods": periods} if periods else None


def is_priced(record: Json | None) -> bool:
    """Whether a request with plain input has a cost, at least at some moment."""
    return record is not None and any("input" in period["rates"] for period in record["periods"])


def _table_periods(settings: ProviderSettings, model: str, table: PriceTable) -> list[Json]:
    declared = providers()[settings.type]
    if declared.kind != "http":
        return []
    # A module with an address of its own stands for one seller, also where a proxy is before it; the others for anyone.
    seller = declared.base_url is not None
    given = settings.base_url if isinstance(settings, HttpProviderSettings) else None
    url = given or declared.base_url or ""
    if not seller and not _is_public(url):
        return []
    return table.periods(url if _is_public(url) else None, settings.type if seller else None, model)


def _is_public(url: str) -> bool:
    """Whether `url` can be a known seller's: its host is a name with a dot in it."""
    host = urlsplit(url).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return "." in host
    return False


def _declared_periods(price: Price) -> list[Json]:
    changes: list[Price | Change] = [price, *price.changes]
    return [
        {
            "when": {} if one.since is None else {"from": one.since},
            "version": DECLARED,
            "rates": _declared_rates(one),
            "variants": [],
        }
        for one in sorted(changes, key=lambda one: one.since or 0)
    ]


def _declared_rates(rates: Rates) -> Json:
    found: Json = {}
    for item in TOKENS:
        setting = f"{item}_per_mtok"
        base = getattr(rates, setting)
        if base is None:
            continue
        above = ((one.input_tokens, getattr(one, setting)) for one in rates.above)
        over = sorted((tokens, rate) for tokens, rate in above if rate is not None)
        found[item] = {"base": base, "over": over} if over else base
    if rates.web_searches_per_thousand is not None:
        found["web_searches"] = rates.web_searches_per_thousand * 1000
    if rates.per_request is not None:
        found["request"] = rates.per_request * 1_000_000
    return found
