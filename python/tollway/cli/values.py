"""Values as people write them at a shell: times ago, `NAME=VALUE`."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from pydantic_core import PydanticCustomError

from tollway.cli.output import fail
from tollway.config.quantities import DURATION_UNITS, parse_duration


def moment(text: str | None, option: str, *, ahead: bool = False) -> str | None:
    """A time as the admin API takes it: `24h` becomes the moment so long ago, or `ahead`; the rest stays as it is."""
    if text is None or not text[:1].isdigit() or not text.endswith(tuple(DURATION_UNITS)) or "-" in text:
        return text
    try:
        span = parse_duration(text)
    except PydanticCustomError as error:
        fail(f"{option}: {(error.context or {}).get('said', 'not a time')}")
    at = time.time() + (span if ahead else -span) / 1000
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """`NAME=VALUE` texts as a mapping."""
    found: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            fail(f"{option} {text!r}: write NAME=VALUE")
        if name in found:
            fail(f"{option}: `{name}` is given twice")
        found[name] = value
    return found


def listed(given: list[str] | None) -> list[str] | None:
    """A list that was given as several options, or with commas."""
    return None if given is None else [part for text in given for part in text.split(",") if part]


def set_path(settings: dict[str, Any], path: str, text: str) -> None:
    """Put a value, JSON or else a text, at `limits.rpm` in `settings`."""
    *above, name = path.split(".")
    for part in above:
        settings = settings.setdefault(part, {})
        if not isinstance(settings, dict):
            fail(f"--set {path}: `{part}` has a value of its own already")
    try:
        settings[name] = json.loads(text)
    except json.JSONDecodeError:
        settings[name] = text


def when(microseconds: int | None) -> str | None:
    """A time for people, in UTC."""
    if microseconds is None:
        return None
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def dollars(nano: int | None) -> str | None:
    """US dollars for people: cents, or as far as there is something to tell."""
    if nano is None:
        return None
    return f"{nano / 10**9:.2f}" if nano % 10**7 == 0 or nano >= 10**11 else f"{nano / 10**9:.6f}".rstrip("0")
