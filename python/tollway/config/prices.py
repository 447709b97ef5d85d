"""What the models of a provider cost: the bundled price table, and over it what the file declares.

A price record is plain JSON, read by `rust/dataplane/src/account/price.rs`. Rates are whole nano-dollars for a million
tokens, searches, requests or other units, and for a thousand hours of recordings:

    {"periods": [{"when": {"from": SECONDS, "daily": [SECONDS, SECONDS]}, "version": "genai-prices/0.2.3@2026-01-31",
                  "rates": {"input": RATE, "output": {"base": RATE, "over": [[TOKENS, RATE]]}, …},
                  "variants": [{"when": {}, "terms": {"service_tier": "priority"}, "rates": {…}}]}]}

Of the periods that hold at a moment the last one counts, of the variants whose terms were met the first one. Terms
are the service tier of an answer, as `rust/protocol/src/canonical/tier.rs` names it, under whichever of the table's
names: a `service_tier`, a `processing` or a `speed`.
"""

from __future__ import annotations

from decimal import Decimal
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from tollway.config.places import base_url_of
from tollway.config.price_table import PriceTable
from tollway.config.schema_price import Change, Other, Price, Rates, ServiceTier
from tollway.config.schema_provider import ProviderSettings
from tollway.providers.contract import providers

Json = dict[str, Any]

DECLARED = "declared"
"""The version of prices that the file declares."""

TOKENS = (
    *("input", "cache_read", "audio_cache_read", "cache_write", "cache_write_1h"),
    *("audio_input", "image_input", "video_input", "document_input"),
    *("output", "reasoning", "audio_output", "image_output", "video_output"),
)
"""What is priced by the token, as the record names it."""

UNITS = {
    "web_searches": ("web_searches_per_thousand", 1_000),
    "images": ("per_image", 1_000_000),
    "audio_input_ms": ("per_audio_minute", 60_000),
    "characters": ("per_million_characters", 1),
    "search_units": ("per_search_unit", 1_000_000),
    "request": ("per_request", 1_000_000),
}
"""What else is priced: the setting, and what makes of it a rate."""

_SAME = {"api.groq.com": ("flex",)}
"""Tiers that cost what the usual one does: https://console.groq.com/docs/flex-processing."""


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
    """Whether a request with plain input, or what is billed in its place, has a cost, at least at some moment."""
    return record is not None and any({"input", *UNITS} & period["rates"].keys() for period in record["periods"])


def _table_periods(settings: ProviderSettings, model: str, table: PriceTable) -> list[Json]:
    declared = providers()[settings.type]
    if declared.kind != "http":
        return []
    # A module with an address of its own stands for one seller, also where a proxy is before it; the others for anyone.
    seller = declared.base_url is not None
    url = base_url_of(settings) or ""
    own = declared.base_url if isinstance(declared.base_url, str) else url
    if not seller and not _is_public(url):
        return []
    found = table.periods(url if _is_public(url) else None, settings.type if seller else None, model)
    same = [{"when": {}, "terms": {"service_tier": tier}, "rates": {}} for tier in _SAME.get(_host(own), ())]
    return [period | {"variants": [*period["variants"], *same]} for period in found]


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _is_public(url: str) -> bool:
    """Whether `url` can be a known seller's: its host is a name with a dot in it."""
    host = _host(url)
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
            "variants": [
                {"when": {}, "terms": {"service_tier": name}, "rates": _tier_rates(one, tier)}
                for name, tier in one.service_tiers.items()
            ],
        }
        for one in sorted(changes, key=lambda one: one.since or 0)
    ]


def _tier_rates(rates: Rates, tier: ServiceTier) -> Json:
    """The prices of a tier: the usual ones times its multiplier, and over them its own."""
    times = Decimal(str(tier.multiplier))

    def scaled(rate: int | Json) -> int | Json:
        if isinstance(rate, dict):
            over = [(tokens, scaled(dearer)) for tokens, dearer in rate["over"]]
            return {"base": scaled(rate["base"]), "over": over}
        return int((rate * times).to_integral_value())

    usual = {} if times == 1 else {item: rate for item, rate in _declared_rates(rates).items() if item in TOKENS}
    own = ((item, _given(tier, item)) for item in TOKENS)
    return {item: scaled(rate) for item, rate in usual.items()} | {item: rate for item, rate in own if rate is not None}


def _given(rates: Rates | Other, item: str) -> int | None:
    rate: int | None = getattr(rates, f"{item}_per_mtok")
    return rate


def _declared_rates(rates: Rates) -> Json:
    found: Json = {}
    for item in TOKENS:
        base = _given(rates, item)
        if base is None:
            continue
        above = ((one.input_tokens, _given(one, item)) for one in rates.above)
        over = sorted((tokens, rate) for tokens, rate in above if rate is not None)
        found[item] = {"base": base, "over": over} if over else base
    units = ((item, getattr(rates, name), times) for item, (name, times) in UNITS.items())
    return found | {item: price * times for item, price, times in units if price is not None}
