"""What is printed: tables that hostile text cannot break, times, money, and settings as people write them."""

from __future__ import annotations

import csv
import io
import time
from datetime import datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tollway.cli import usage
from tollway.cli.output import WIDEST, table, visible
from tollway.cli.values import dollars, listed, moment, pairs, set_path, when

HOSTILE = ["a\nb", "\x1b[31mred", "\u202eevil", "a\tb", "\r", "\x00", "\x9b31m", "\u2028", "\ud800"]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_terminal_acts_on_is_printed(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert visible([text, {"k": text}]).isprintable()
    assert len(table(("a", "b"), [(text, 1)]).splitlines()) == 2


@given(st.lists(st.tuples(st.text(), st.text(max_size=300)), max_size=5))
@example([("", "a" + "\u0300" * 200)])
def test_a_table_has_a_line_for_each_row(rows: list[tuple[str, str]]) -> None:
    lines = table(("one", "two"), rows).split("\n")
    assert len(lines) == len(rows) + 1
    assert all(line.isprintable() for line in lines)
    assert all(len(line) <= 2 * WIDEST + 2 for line in lines)


def test_columns_are_aligned_also_for_wide_letters() -> None:
    lines = table(("name", "n"), [("日本", 1), ("abc", 22), (None, [])], ("n",)).splitlines()
    assert lines == ["NAME   N", "日本   1", "abc   22", "-      -"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_cell_of_a_csv_is_a_formula(text: str) -> None:
    row: dict[str, Any] = dict.fromkeys([*usage.SUMS, "cost_nano", "start_us"], 1)
    written = usage._csv([{**row, "user": text, "agent": 'a,"b"\n'}], ["user", "agent"], True)
    [read] = csv.DictReader(io.StringIO(written))
    assert read["user"] == f"'{text}"
    assert read["agent"] == 'a,"b"\n'


@pytest.mark.parametrize(
    ("nano", "expected"),
    [
        (None, None),
        (0, "0.00"),
        (10**9, "1.00"),
        (123_450_000_000, "123.45"),
        (1_234_000, "0.001234"),
        (412_000_000, "0.412"),
    ],
)
def test_money(nano: int | None, expected: str | None) -> None:
    assert dollars(nano) == expected


def test_times() -> None:
    assert when(1793491200000000) == "2026-11-01 00:00:00"
    assert when(None) is None
    for text in (None, "2026-11-01", "2026-11-01T00:00:00Z", "1793491200000000", "yesterday"):
        assert moment(text, "--from") == text
    for text, ahead, seconds in (("24h", False, -86400), ("30d", True, 30 * 86400), ("90s", False, -90)):
        said = moment(text, "--from", ahead=ahead)
        assert said is not None
        assert abs(datetime.fromisoformat(said).timestamp() - time.time() - seconds) < 30


def test_a_time_that_is_too_long_ago_is_bad_input() -> None:
    with pytest.raises(SystemExit) as ended:
        moment("99999d", "--from")
    assert ended.value.code == 2


def test_settings() -> None:
    settings: dict[str, Any] = {}
    for path, text in pairs(["limits.rpm=100", "limits.tpm=5", "a=x=y", "b=[1]", "c="], "--set").items():
        set_path(settings, path, text)
    assert settings == {"limits": {"rpm": 100, "tpm": 5}, "a": "x=y", "b": [1], "c": ""}
    assert listed(["a,b", "c", ","]) == ["a", "b", "c"]
    assert listed([]) == []
    assert listed(None) is None


@pytest.mark.parametrize("given_", [["x"], ["=x"], ["a=1", "a=2"]])
def test_what_is_no_pair_is_bad_input(given_: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        pairs(given_, "--filter")
    assert ended.value.code == 2


def test_a_setting_below_a_value_is_bad_input() -> None:
    with pytest.raises(SystemExit):
        set_path({"limits": 1}, "limits.rpm", "1")
