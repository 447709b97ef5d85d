"""What commands print: lines, tables and JSON that no hostile text can break, and how they end.

Exit codes: 0 ok, 1 failed, 2 bad input.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FAILED, BAD_INPUT = 1, 2

WIDEST = 60
"""The most columns of one cell of a table."""

RED, YELLOW, GREEN, DIM = "31", "33", "32", "2"


def say(text: str) -> None:
    """Print to standard output, at once. Whoever read it may be gone: then the rest goes nowhere."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Python would else complain of it once more at its end.
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - it is to stay open


def say_json(value: object, *, compact: bool = False) -> None:
    """Print as JSON, in ASCII: no terminal and no reader makes anything else of it."""
    say(json.dumps(value) if compact else json.dumps(value, indent=2))


def note(text: str) -> None:
    """Print to standard error."""
    print(text, file=sys.stderr, flush=True)


def fail(message: str, code: int = BAD_INPUT) -> NoReturn:
    """Say why on standard error, and end."""
    note(message)
    raise SystemExit(code)


def colored() -> bool:
    """Whether standard output is a terminal that is to show colours (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, color: str) -> str:
    """`text` in a colour, where colours are shown."""
    return f"\x1b[{color}m{text}\x1b[0m" if colored() else text


def visible(value: object) -> str:
    """A value in one line: what a terminal would act on is escaped, `-` stands for none."""
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, list):
        return ", ".join(visible(entry) for entry in value)
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    text = str(value)
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], numbers: Iterable[str] = ()) -> str:
    """A table with aligned columns; those named in `numbers` are aligned to the right."""
    lines = [[_cropped(visible(cell)) for cell in row] for row in rows]
    right = set(numbers)
    widths = [max([_columns(header), *(_columns(line[at]) for line in lines)]) for at, header in enumerate(headers)]
    written = [_line([header.upper() for header in headers], headers, widths, right)]
    written += [_line(line, headers, widths, right) for line in lines]
    return "\n".join(written)


def _line(cells: Sequence[str], headers: Sequence[str], widths: Sequence[int], right: set[str]) -> str:
    padded = []
    for cell, header, width in zip(cells, headers, widths, strict=True):
        space = " " * (width - _columns(cell))
        padded.append(space + cell if header in right else cell + space)
    return "  ".join(padded).rstrip()


def _cropped(text: str) -> str:
    # Marks on letters take no column: without a bound of their own, one letter could have thousands.
    if len(text) <= WIDEST and _columns(text) <= WIDEST:
        return text
    text = text[: WIDEST - 1]
    while _columns(text) > WIDEST - 1:
        text = text[:-1]
    return text + "…"


def _columns(text: str) -> int:
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )
