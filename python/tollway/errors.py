"""The errors that Tollway's Python raises on purpose. Their texts are written for the operator and hold no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tollway.config.diagnose import Diagnostic


class TollwayError(Exception):
    """The root of them all: `str()` of it may be shown to the operator as it is."""


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
