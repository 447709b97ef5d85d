"""A table back as plain values, which read the same again."""

from __future__ import annotations

from typing import Any

from tollway.config.fields import Settings


def plain(table: Settings) -> dict[str, Any]:
    """What `table` was given, as JSON's own types: also a null, and without what was left out.

    Within a setting, every default is spelt out, and a null is left out.
    """
    whole = table.model_dump(mode="json", by_alias=True)
    return {name: _without_null(value) for name, value in whole.items() if name in table.model_fields_set}


def _without_null(value: Any) -> Any:  # noqa: ANN401 - JSON of any kind
    if isinstance(value, dict):
        return {name: _without_null(entry) for name, entry in value.items() if entry is not None}
    return [_without_null(entry) for entry in value] if isinstance(value, list) else value
