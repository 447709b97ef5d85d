"""Reading the file, and the mistakes that keep it from being TOML at all."""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from pathlib import Path

from tollway._dataplane import TomlError
from tollway.config.display import Vocabulary, displayed_raw
from tollway.config.document import line_starts
from tollway.config.shape import Shape
from tollway.config.whole import hidden_names, root
from tollway.errors import Diagnostic

LARGEST = 64 << 20
"""The most bytes of a configuration file."""

_HINTS = (
    ("duplicate key", "each key may be given once; put all of a table's settings under one header"),
    ("string values must be quoted", 'put the value into quotes: "…"'),
    ("invalid float", 'if it is a text, put it into quotes: "…"'),
    ("invalid integer", 'if it is a text, put it into quotes: "…"'),
    ("unexpected key or value", "write one `key = value` on a line; inside braces, put commas between them"),
    ("unclosed table", "close the header with `]`"),
    ("unclosed array", "close the array with `]`"),
    ("unclosed inline table", "close the table with `}`"),
    ("invalid basic string", 'close the string with `"`; write line breaks as \\n'),
    ("missing escaped value", "write a backslash twice, or put the string into single quotes"),
    ("integer number overflowed", "write a smaller number, or put it into quotes if it is a text"),
)


def read_source(path: Path) -> str | Diagnostic:
    """The text of the configuration file, or why it cannot be read."""
    try:
        if path.is_dir():
            return _unreadable(path, "it is a folder", "give the path of a TOML file")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror or type(error).__name__) if isinstance(error, OSError) else "not a path"
        hint = "check the path; `tollway serve` without --config needs no file"
        return _unreadable(path, reason[:1].lower() + reason[1:], hint)
    if len(data) > LARGEST:
        return _unreadable(path, f"it is larger than {LARGEST >> 20} MiB", "is this the right file?")
    try:
        # Universal newlines would move the columns: the text stays as it is.
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(path, data, error.start)


def syntax_error(path: Path, text: str, error: TomlError) -> Diagnostic:
    """The diagnostic for a file that is not TOML."""
    message, offset = str(error.args[0]), int(error.args[1])
    hint = next((hint for beginning, hint in _HINTS if message.startswith(beginning)), None)
    return _at(path, text, min(offset, len(text)), ("syntax", f"not TOML: {message}", hint))


def _not_utf8(path: Path, data: bytes, start: int) -> Diagnostic:
    # What comes before is right, so its characters can be counted; the rest only has to be shown.
    before = data[:start].decode("utf-8")
    text = before + data[start : start + 400].decode("utf-8", errors="replace")
    return _at(path, text, len(before), ("not-utf8", "the file is not UTF-8", "save it as UTF-8"))


def _unreadable(path: Path, reason: str, hint: str) -> Diagnostic:
    return Diagnostic(str(path), 1, 1, "error", "unreadable-file", f"the file cannot be read: {reason}", hint)


def _at(path: Path, text: str, offset: int, said: tuple[str, str, str | None]) -> Diagnostic:
    # What is missing at the file's end is missed behind the last thing that stands there.
    while offset >= len(text) and text[:offset].endswith(("\n", "\r", " ", "\t")):
        offset = len(text[:offset].rstrip())
        text = text[:offset]
    starts = line_starts(text)
    line = bisect_right(starts, offset) - 1
    end = starts[line + 1] - 1 if line + 1 < len(starts) else len(text)
    source, caret, width = displayed_raw(text, (starts[line], end), offset, _known())
    return Diagnostic(
        str(path), line + 1, offset - starts[line] + 1, "error", said[0], said[1], said[2], source, caret, width
    )


@cache
def _known() -> Vocabulary:
    words: set[str] = {"true", "false"}
    settings: set[str] = set()

    def gather(shape: Shape | None, name: str) -> None:
        if shape is None:
            return
        words.update(shape.choices, shape.fields, shape.variants)
        if shape.kind == "value":
            settings.add(name)
        gather(shape.inner, name)
        for key, below in (*shape.fields.items(), *((name, variant) for variant in shape.variants.values())):
            gather(below, key)

    gather(root(), "")
    return Vocabulary(frozenset(words), frozenset(root().fields), frozenset(settings) - hidden_names())
