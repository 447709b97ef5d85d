"""Writing TOML, as far as configurations need it; the standard library only reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence


def render(document: Mapping[str, object]) -> str:
    """`document` as TOML: tables under headers, what lies deeper than two levels inline."""
    lines: list[str] = []
    for name, value in document.items():
        if not isinstance(value, Mapping):
            lines.insert(0, f"{_key(name)} = {_value(value)}")
    for name, value in document.items():
        if isinstance(value, Mapping):
            _table((name,), value, lines)
    return "\n".join([*lines, ""])


def _table(path: tuple[str, ...], table: Mapping[str, object], lines: list[str]) -> None:
    lines.append(f"[{'.'.join(map(_key, path))}]")
    nested = len(path) == 1
    lines += [f"{_key(key)} = {_value(value)}" for key, value in table.items() if not _is_nested(value, nested)]
    for key, value in table.items():
        if isinstance(value, Mapping) and nested:
            _table((*path, key), value, lines)


def _is_nested(value: object, nested: bool) -> bool:
    return nested and isinstance(value, Mapping)


def _key(key: str) -> str:
    return json.dumps(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(_value, value)) + "]"
    assert isinstance(value, int | float), f"TOML has no {type(value)}"
    return repr(value)
