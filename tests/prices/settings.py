"""Providers of a file and their prices, for tests."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from tollway.config.price_table import PriceTable
from tollway.config.prices import price_record
from tollway.config.schema_provider import AnyProvider, ProviderSettings

TABLE = PriceTable()
_ADAPTER: TypeAdapter[ProviderSettings] = TypeAdapter(AnyProvider)


def provider(base_url: str | None = None, **settings: object) -> ProviderSettings:
    """A provider with these settings: without a `type`, OpenAI's or, at `base_url`, any that speaks its dialect."""
    given = {"type": "openai" if base_url is None else "openai-compatible", "base_url": base_url} | settings
    return _ADAPTER.validate_python({key: value for key, value in given.items() if value is not None})


def record(settings: ProviderSettings, model: str) -> dict[str, Any] | None:
    """What `model` costs at this provider."""
    return price_record(settings, model, TABLE)
