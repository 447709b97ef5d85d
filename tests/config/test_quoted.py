"""Places within TOML strings, of every form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway._dataplane import parse_toml
from tollway.config.quoted import word_within


def _marked(written: str, word: str) -> str | None:
    """What stands in `written` where its value has `word`."""
    values, spans = parse_toml(f"a = {written}")
    value = values["a"]
    assert isinstance(value, str)
    assert spans[("a",)][2:] == (4, 4 + len(written))
    place = word_within(written, value, value.index(word))
    return None if place is None else written[slice(*place)]


@pytest.mark.parametrize(
    "written",
    [
        '"a here b"',
        "'a \\ here b'",
        '"\\"ä\\\\ \\u00e4\\U0001F600\\t here b"',
        '"""\na\n here b"""',
        "'''\r\na\n here b'''",
        '"""a \\\n   here b"""',
        '"""a "" \\" here"""',
        "'''''here'''",
    ],
)
def test_the_word_is_found(written: str) -> None:
    assert _marked(written, "here") == "here"


def test_the_end_of_a_value_is_its_closing_quotes() -> None:
    assert word_within('"a ="', "a =", 3) == (4, 5)
    assert word_within('""', "", 0) == (1, 2)


def test_an_escape_is_shown_whole() -> None:
    assert _marked('"a \\u0023 b"', "#") == "\\u0023"


@pytest.mark.parametrize(("written", "value"), [('"a"', "ab"), ("", "a"), ('"ab"', "b")])
def test_what_does_not_fit_has_no_place(written: str, value: str) -> None:
    assert word_within(written, value, 0) is None


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20), st.sampled_from(['"', '"""']))
def test_every_character_has_its_place(text: str, quotes: str) -> None:
    written = quotes + text.replace("\\", "\\\\").replace('"', '\\"') + quotes
    values, _ = parse_toml(f"a = {written}")
    assert values["a"] == text
    for at, letter in enumerate(text):
        place = word_within(written, text, at)
        assert place is not None
        assert written[place[0] :].removeprefix("\\").startswith(letter)
