"""The errors that Tollway's Python raises on purpose. Their texts are written for the operator and hold no secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


class TollwayError(Exception):
    """The root of them all: `str()` of it may be shown to the operator as it is."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake or warning. `line` and `column` count from 1, the column in characters.

    `source` is the offending line as it may be shown, with `width` carets from column `caret` (from 0) under it.
    """

    file: str
    line: int
    column: int
    severity: Severity
    code: str
    message: str
    hint: str | None = None
    source: str | None = None
    caret: int = 0
    width: int = 1

    def to_json(self) -> dict[str, str | int | None]:
        """The diagnostic for machines."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
        }


class ConfigError(TollwayError):
    """A configuration that cannot be used.

    `diagnostics` holds every mistake that was found, and the warnings, in the order of the file; `str()` is the
    rendered report, without colour.
    """

    def __init__(self, diagnostics: Sequence[Diagnostic], report: str) -> None:
        super().__init__(report)
        self.diagnostics = tuple(diagnostics)


class HookError(TollwayError):
    """A policy hook that cannot be imported, is not callable or has the wrong shape; the text says which and why."""
