"""Providers of a file, for tests of their prices."""

from __future__ import annotations

from pydantic import TypeAdapter

from tollway.config.schema_provider import AnyProvider, ProviderSettings

_ADAPTER: TypeAdapter[ProviderSettings] = TypeAdapter(AnyProvider)


def provider(base_url: str | None = None, **settings: object) -> ProviderSettings:
    """A provider with these settings: without a `type`, OpenAI's or, at `base_url`, any that speaks its dialect."""
    given = {"type": "openai" if base_url is None else "openai-compatible", "base_url": base_url} | settings
    return _ADAPTER.validate_python({key: value for key, value in given.items() if value is not None})
