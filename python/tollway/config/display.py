"""The offending line, made fit to show: no secret, no comment, no control character, not too long."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from tollway.config.secrets import HIDDEN, harmless

Span = tuple[int, int]

WIDEST = 120
"""The most columns of a line that are shown."""

_URL_PARTS = re.compile(r"(?<=://)[^\s\"']*(?=@)|(?<=\?)[^\s\"'#]+")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)(?:\"|$)|'([^']*)(?:'|$)")
_BARE = re.compile(r"[^\s,{}\[\]=#\"']{6,}")
_FENCE = re.compile(r'"""|\'\'\'')
_SETTING = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s{\"'#]*)")
_HEADER = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_-]+)(?:\s*\.\s*[A-Za-z0-9_-]+)*\s*\]{0,2}\s*$")


def displayed(text: str, line: Span, span: Span, hidden: Iterable[Span]) -> tuple[str, int, int]:
    """The line of `text` at `line` with the `hidden` spans masked, and where in it to put carets for `span`.

    Returns the line, the column of the first caret (from 0) and their number, in columns of a terminal.
    """
    start, end = _window(line, span)
    end = _comment(text, start, end, span)
    masks = [(max(a, start), min(b, end)) for a, b in hidden if a < end and not harmless(text[a:b].strip("\"'"))]
    if "://" in text[start:end]:
        masks += [(start + found.start(), start + found.end()) for found in _URL_PARTS.finditer(text[start:end])]
    return _compose(text, (start, end), (min(span[0], end), min(max(span[1], span[0] + 1), end)), masks)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What may be shown of a line that could not be parsed: words of the schema, tables, settings without secrets."""

    words: frozenset[str]
    tables: frozenset[str]
    settings: frozenset[str]


def displayed_raw(text: str, line: Span, at: int, known: Vocabulary) -> tuple[str, int, int]:
    """As `displayed`, for a line whose values cannot be told apart: masks whatever is not `known`."""
    start, end = _window(line, (at, at))
    written = text[start:end]
    setting, header = _SETTING.match(written), _HEADER.match(written)
    masks = [(a, b) for a, b in _words(text, start, end) if not _plain(text[a:b], known)]
    if len(_FENCE.findall(text, 0, start)) % 2:
        masks = [(start, end)]
    elif setting is not None and setting.group(1) in known.settings:
        # The setting's own value is harmless; whatever else has got onto the line may be anything.
        masks = [(a, b) for a, b in masks if a >= start + setting.end()]
        masks += [(start + found.start(), start + found.end()) for found in _URL_PARTS.finditer(written)]
    elif header is not None and header.group(1) in known.tables:
        masks = []
    return _compose(text, (start, end), (min(at, end), min(at + 1, end)), masks)


def _words(text: str, start: int, end: int) -> list[Span]:
    """The strings, and the runs outside of them that are long enough to be a secret."""
    strings = list(_QUOTED.finditer(text, start, end))
    inner = [found.span(1 if found.group(1) is not None else 2) for found in strings]
    bare = [found.span() for found in _BARE.finditer(text, start, end)]
    return inner + [span for span in bare if not any(found.start() <= span[0] < found.end() for found in strings)]


def _plain(written: str, known: Vocabulary) -> bool:
    number = re.fullmatch(r"[0-9_.]{1,9}[A-Za-z]{0,3}", written)
    return written in known.words or len(written) < 4 or harmless(written) or number is not None


def _window(line: Span, span: Span) -> Span:
    """The part of a line that can be shown at all: a file may be one line of a megabyte."""
    return (max(line[0], span[0] - 2 * WIDEST), min(line[1], max(span[0], line[0]) + 4 * WIDEST))


def _comment(text: str, start: int, end: int, span: Span) -> int:
    """Where the line ends without its comment, which may hold an old secret."""
    at, quote = max(start, min(span[1], end)), ""
    if span[1] <= start or span[0] >= end:
        at = start
    while at < end:
        letter = text[at]
        if quote:
            if letter == "\\" and quote == '"':
                at += 1
            elif letter == quote:
                quote = ""
        elif letter in "\"'":
            quote = letter
        elif letter == "#":
            return start + len(text[start:at].rstrip())
        at += 1
    return start + len(text[start:end].rstrip())


def _compose(text: str, line: Span, span: Span, masks: list[Span]) -> tuple[str, int, int]:
    """Write the line piece by piece, and note where the pieces under `span` come to stand."""
    pieces: list[tuple[str, int, int]] = []
    at = line[0]
    for start, end in sorted(masks):
        if end <= at:
            continue
        pieces += [(_visible(letter), index, index + 1) for index, letter in enumerate(text[at:start], at)]
        quotes = text[start] if start >= at and text[start : start + 1] in ('"', "'") else ""
        pieces.append((f"{quotes}{HIDDEN}{quotes}", max(start, at), end))
        at = end
    pieces += [(_visible(letter), index, index + 1) for index, letter in enumerate(text[at : line[1]], at)]
    return _cropped(pieces, span)


def _cropped(pieces: list[tuple[str, int, int]], span: Span) -> tuple[str, int, int]:
    before = [shown for shown, _, end in pieces if end <= span[0]]
    under = [shown for shown, start, end in pieces if start < max(span[1], span[0] + 1) and end > span[0]]
    line = "".join(shown for shown, _, _ in pieces)
    caret, width = _columns("".join(before)), max(_columns("".join(under)), 1)
    if _columns(line) <= WIDEST:
        return line, caret, width
    skipped = 0
    if caret > WIDEST // 2:
        skipped = len("".join(before)) - WIDEST // 3
        caret = _columns("".join(before)[skipped:]) + 1
        line = "…" + line[skipped:]
    line = line[: WIDEST - 1] + "…" if len(line) > WIDEST else line
    return line, caret, min(width, max(WIDEST - caret, 1))


def visible(text: str) -> str:
    """`text`, which may quote the file, without what a terminal would act on."""
    return "".join(map(_visible, text))


def _visible(letter: str) -> str:
    if letter == "\t":
        return "    "
    return letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"


def _columns(text: str) -> int:
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )
