"""Durations and sizes: every written form, and the identity of writing and reading."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from tollway.config.quantities import (
    DURATION_UNITS,
    LARGEST,
    LONGEST,
    SIZE_UNITS,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("1h", 3_600_000), ("7d", 604_800_000), (30, 30_000), (0, 0)],
)
def test_durations(written: object, milliseconds: int) -> None:
    assert parse_duration(written) == milliseconds


@pytest.mark.parametrize(("written", "size"), [("64KiB", 65_536), ("32MiB", 1 << 25), ("4GiB", 1 << 32), (7, 7)])
def test_sizes(written: object, size: int) -> None:
    assert parse_size(written) == size


@given(st.integers(0, 10**6), st.sampled_from([*DURATION_UNITS]))
def test_every_duration_is_read_or_too_long(number: int, unit: str) -> None:
    expected = number * DURATION_UNITS[unit]
    if expected <= LONGEST:
        assert parse_duration(f"{number}{unit}") == expected
    else:
        with pytest.raises(PydanticCustomError, match="too large"):
            parse_duration(f"{number}{unit}")


@given(st.integers(0, 10**6), st.sampled_from([*SIZE_UNITS]))
def test_every_size_is_read_or_too_large(number: int, unit: str) -> None:
    expected = number * SIZE_UNITS[unit]
    if expected <= LARGEST:
        assert parse_size(f"{number}{unit}") == expected
    else:
        with pytest.raises(PydanticCustomError, match="too large"):
            parse_size(f"{number}{unit}")


def hint_of(parse: Callable[[object], int], written: object) -> str | None:
    """The hint with which `written` is refused, or none if it is taken."""
    try:
        parse(written)
    except PydanticCustomError as error:
        return str((error.context or {})["hint"])
    return None


@pytest.mark.parametrize("parse", [parse_duration, parse_size])
@given(st.one_of(st.text(), st.floats(), st.booleans(), st.none(), st.lists(st.integers()), st.integers(max_value=-1)))
def test_anything_else_is_refused_with_a_hint(parse: Callable[[object], int], written: object) -> None:
    taken = isinstance(written, str) and re.fullmatch("[0-9]+(ms|[smhd]|B|[KMGT]iB)", written)
    assert taken or hint_of(parse, written)


@pytest.mark.parametrize(
    ("written", "meant"), [("30 s", "30s"), ("5min", "5m"), ("2 hours", "2h"), ("1D", "1d"), ("10SEC", "10s")]
)
def test_a_duration_that_is_nearly_right(written: str, meant: str) -> None:
    assert hint_of(parse_duration, written) == f'did you mean "{meant}"?'
