"""Times as callers write them, and as they are kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from tollway.config.fault import fault
from tollway.config.fields import moment

LATEST_US = 1 << 53
"""The last microsecond that is taken, in the year 2255: every JSON reader counts so far without loss."""

_EXAMPLES = ["2026-11-01T00:00:00Z", "2026-11-01"]


def _microseconds(value: object) -> int:
    if isinstance(value, str) and not (value.isascii() and value.isdecimal()):
        return _bounded(moment(value) * 1_000_000, LATEST_US)
    number = int(value) if isinstance(value, str) and len(value) <= 20 else value
    return _bounded(number, LATEST_US)


def _seconds(value: object) -> int:
    return _bounded(moment(value) if isinstance(value, str) else value, LATEST_US // 1_000_000)


def _bounded(number: object, latest: int) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= latest:
        raise fault("bad-time", "this is not a time, or one too far away", "write it as in 2027-01-31T12:00:00Z")
    return number


Instant = Annotated[
    int,
    BeforeValidator(_microseconds),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "integer", "minimum": 0}],
            "examples": _EXAMPLES,
            "description": "A date and time with a zone, a date (UTC), or microseconds since 1970.",
        }
    ),
]
"""A moment in a query; microseconds since 1970 once validated."""

Expiry = Annotated[
    int,
    BeforeValidator(_seconds),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "integer", "minimum": 0}],
            "examples": ["2027-01-31T12:00:00Z", 1801393200],
        }
    ),
]
"""When something ends; seconds since 1970 once validated."""
