"""Where the characters of a TOML string stand in the file, for places within a value."""

from __future__ import annotations

import re

from tollway.config.display import Span

# A backslash before blanks joins the lines of a """-string; any other escape is one character of the value.
_BASIC = re.compile(r"\\\s+|\\U[0-9A-Fa-f]{8}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\.|.", re.DOTALL)
_WORD = re.compile(r"\w+|.|$", re.DOTALL)


def word_within(written: str, value: str, at: int) -> Span | None:
    """Where the word of `value` at the offset `at` stands in `written`, the TOML that gave it; `None` if unclear."""
    places = _places(written)
    if len(places) != len(value) + 1 or at > len(value):
        return None
    word = _WORD.match(value, at)
    end = word.end() if word is not None else at
    return places[at], max(places[end], places[at] + 1)


def _places(written: str) -> list[int]:
    """The offset in `written` of each character of its value, and that of the closing quotes."""
    quotes = written[:3] if written[:3] in ('"""', "'''") else written[:1]
    start, end = len(quotes), len(written) - len(quotes)
    if len(quotes) == 3:
        # A line break right after the opening quotes is not part of the value (TOML, "String").
        start += len(re.match(r"(?:\r?\n)?", written[start:]).group())  # type: ignore[union-attr]
    if quotes.startswith("'"):
        return list(range(start, end + 1))
    found = _BASIC.finditer(written, start, end)
    return [one.start() for one in found if not (one.group()[0] == "\\" and one.group()[1].isspace())] + [end]
