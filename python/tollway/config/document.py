"""One configuration file: its text, its values, and where each of them stands."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from functools import cached_property

from tollway.config.display import Span, displayed, visible
from tollway.config.shape import Path
from tollway.config.whole import concealed
from tollway.errors import Diagnostic, Severity

Spans = dict[tuple[str | int, ...], tuple[int, int, int, int]]


class Document:
    """A file that is TOML: makes diagnostics that point into it and show no secret.

    `values` are the file's values and `spans` their places, as `parse_toml` returns them.
    """

    def __init__(self, file: str, text: str, values: dict[str, object], spans: Spans) -> None:
        self.file = file
        self.text = text
        self.values = values
        self.spans = spans

    def __repr__(self) -> str:
        return f"Document({self.file!r})"

    def has(self, path: Path) -> bool:
        """Whether the file gives a value at `path`."""
        return path in self.spans

    def key(self, path: Path) -> Span:
        """Where the key at `path` stands; the nearest enclosing one if the file has none there."""
        found = self._nearest(path)
        return (found[0], found[1])

    def value(self, path: Path) -> Span:
        """Where the value at `path` stands; the nearest enclosing one if the file has none there."""
        found = self._nearest(path)
        return (found[2], found[3])

    def line(self, path: Path) -> int:
        """The line, from 1, of the value at `path`."""
        return bisect_right(self._starts, self.value(path)[0])

    def _nearest(self, path: Path) -> tuple[int, int, int, int]:
        while path:
            if path in self.spans:
                return self.spans[path]
            path = path[:-1]
        return (0, 0, 0, 0)

    def diagnostic(self, severity: Severity, code: str, span: Span, said: tuple[str, str | None]) -> Diagnostic:
        """A diagnostic at `span`; `said` is the message and the hint."""
        line = bisect_right(self._starts, span[0]) - 1
        start = self._starts[line]
        end = self._starts[line + 1] - 1 if line + 1 < len(self._starts) else len(self.text)
        hidden = self._hidden_in(start, end)
        source, caret, width = displayed(self.text, (start, end), span, hidden)
        return Diagnostic(
            file=self.file,
            line=line + 1,
            column=span[0] - start + 1,
            severity=severity,
            code=code,
            message=visible(said[0]),
            hint=None if said[1] is None else visible(said[1]),
            source=source,
            caret=caret,
            width=width,
        )

    @cached_property
    def _starts(self) -> list[int]:
        return line_starts(self.text)

    @cached_property
    def _hidden(self) -> list[Span]:
        return sorted((self.spans[path][2], self.spans[path][3]) for path in concealed(self.values))

    def _hidden_in(self, start: int, end: int) -> Iterable[Span]:
        first = bisect_right(self._hidden, (start, start))
        # A value of several lines may have begun on an earlier one.
        if first and self._hidden[first - 1][1] > start:
            first -= 1
        while first < len(self._hidden) and self._hidden[first][0] < end:
            yield self._hidden[first]
            first += 1


def line_starts(text: str) -> list[int]:
    """The offset of each line of `text`."""
    starts = [0]
    at = text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    return starts
