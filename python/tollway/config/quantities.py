"""Durations and sizes as they are written in the configuration: `250ms 30s 5m 1h 7d` and `64KiB 32MiB`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from tollway.config.fault import fault

DURATION_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
"""The units of durations, in milliseconds."""

SIZE_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
"""The units of sizes, in bytes."""

LONGEST = 3650 * DURATION_UNITS["d"]
"""The longest duration that is taken: ten years, far inside what timers of 64 bits can hold."""

LARGEST = 1 << 50
"""The largest size that is taken: 1 PiB."""

_PARTS = re.compile(r"([0-9]{1,18})\s*([A-Za-z]*)")
_DURATION_HINT = 'write a number and a unit (ms, s, m, h, d), as in "250ms" or "30s", or an integer of seconds'
_SIZE_HINT = 'write a number and a unit (B, KiB, MiB, GiB, TiB), as in "64KiB" or "32MiB", or an integer of bytes'
_DECIMAL_SIZES = {"k": "KiB", "kb": "KiB", "m": "MiB", "mb": "MiB", "g": "GiB", "gb": "GiB", "t": "TiB", "tb": "TiB"}
_LONG_DURATIONS = {
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "min": "m",
    "mins": "m",
    "minute": "m",
    "minutes": "m",
    "hour": "h",
    "hours": "h",
    "hr": "h",
    "day": "d",
    "days": "d",
    "millis": "ms",
    "msec": "ms",
}


def parse_duration(value: object) -> int:
    """Milliseconds of `"30s"` or of an integer of seconds. Raises `PydanticCustomError` for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _bounded(value * 1_000, LONGEST, "duration", f"{value} s")
    if isinstance(value, float):
        raise _bad(
            "duration",
            str(value),
            f'write {value} s in milliseconds: "{max(round(value * 1_000), 1)}ms"'
            if 0 < value < LONGEST
            else _DURATION_HINT,
        )
    return _parse(value, "duration", DURATION_UNITS, _LONG_DURATIONS, LONGEST)


def parse_size(value: object) -> int:
    """Bytes of `"32MiB"` or of an integer of bytes. Raises `PydanticCustomError` for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _bounded(value, LARGEST, "size", f"{value} bytes")
    return _parse(value, "size", SIZE_UNITS, _DECIMAL_SIZES, LARGEST)


def _parse(value: object, kind: str, units: dict[str, int], variants: dict[str, str], most: int) -> int:
    hint = _DURATION_HINT if kind == "duration" else _SIZE_HINT
    if not isinstance(value, str):
        raise fault("wrong-type", f"a {kind}", hint)
    parts = _PARTS.fullmatch(value.strip())
    if parts is None:
        raise _bad(kind, value, hint)
    number, unit = parts.groups()
    if unit in units and f"{number}{unit}" == value:
        return _bounded(int(number) * units[unit], most, kind, value)
    meant = _meant(unit, units, variants)
    raise _bad(kind, value, f'did you mean "{number}{meant}"?' if meant else hint)


def _meant(unit: str, units: dict[str, int], variants: dict[str, str]) -> str | None:
    if unit in units:
        return unit
    folded = unit.lower()
    return next((known for known in units if known.lower() == folded), variants.get(folded))


def _bounded(value: int, most: int, kind: str, written: str) -> int:
    if value < 0:
        raise fault("out-of-range", f"a {kind} cannot be negative", "write 0 or more")
    if value > most:
        largest = "3650d" if kind == "duration" else "1024TiB"
        raise fault("out-of-range", f"the {kind} {written} is too large", f"write at most {largest}")
    return value


def _bad(kind: str, written: str, hint: str) -> PydanticCustomError:
    return fault(f"bad-{kind}", f"`{written[:40]}` is not a {kind}", hint)


def _positive(value: int) -> int:
    if value == 0:
        raise fault("out-of-range", "this must be more than zero", "write at least 1")
    return value


def _schema(units: dict[str, int], examples: list[str], unit: str, *others: dict[str, str]) -> WithJsonSchema:
    pattern = f"^[0-9]+({'|'.join(units)})$"
    return WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": pattern}, {"type": "integer", "minimum": 0}, *others],
            "examples": examples,
            "x-unit": f"an integer counts {unit}",
        }
    )


def _positive_duration(value: object) -> int:
    return _positive(parse_duration(value))


def _positive_size(value: object) -> int:
    return _positive(parse_size(value))


Duration = Annotated[
    int, BeforeValidator(_positive_duration), _schema(DURATION_UNITS, ["250ms", "30s", "5m", "1h", "7d"], "seconds")
]
"""A duration of more than nothing; milliseconds once validated."""

Delay = Annotated[int, BeforeValidator(parse_duration), _schema(DURATION_UNITS, ["0s", "250ms"], "seconds")]
"""A duration that may be nothing; milliseconds once validated."""

Size = Annotated[int, BeforeValidator(_positive_size), _schema(SIZE_UNITS, ["64KiB", "32MiB"], "bytes")]
"""A size of more than nothing; bytes once validated."""


def _flush_interval(value: object) -> int:
    if isinstance(value, str) and not value[:1].isdigit():
        if value == "always":
            return 0
        raise _bad("duration", value, 'write how often, as in "100ms", or "always"')
    return _positive_duration(value)


def _whole_days(value: object) -> int:
    days, rest = divmod(_positive_duration(value), DURATION_UNITS["d"])
    if rest:
        raise fault("bad-duration", "this must be a number of whole days", 'write it as in "400d"')
    return days


Flush = Annotated[
    int,
    BeforeValidator(_flush_interval),
    _schema(DURATION_UNITS, ["100ms", "always"], "seconds", {"const": "always"}),
]
"""How often something is flushed to the disk: milliseconds once validated, of which 0 is always."""

Days = Annotated[int, BeforeValidator(_whole_days), _schema(DURATION_UNITS, ["30d", "400d"], "seconds")]
"""A duration of whole days; their number once validated."""
