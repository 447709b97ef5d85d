"""Checks of conditions, which are CEL: each compiles, or its mistake is shown at its place within the string."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from tollway._dataplane import check_expression
from tollway.config.checks import Checks
from tollway.config.quoted import word_within
from tollway.config.shape import Path

Phase = Literal["route", "task-type"]


def check_expressions(checks: Checks) -> None:
    """Check the condition of every rule and task type."""
    for path, text, phase in _conditions(checks):
        _check(checks, path, text, phase)


def _conditions(checks: Checks) -> Iterator[tuple[Path, str, Phase]]:
    for index, kind in enumerate(checks.config.task_types):
        yield _place(checks, ("task_types", index)), kind.when, "task-type"
    for name, route in checks.config.routes.items():
        for table in ("rules", "degrade"):
            for index, rule in enumerate(getattr(route, table) or ()):
                yield _place(checks, ("routes", name, table, index)), rule.when, "route"


def _place(checks: Checks, path: Path) -> Path:
    return (*path, "when" if checks.has((*path, "when")) else "condition")


def _check(checks: Checks, path: Path, text: str, phase: Phase) -> None:
    mistake = check_expression(text, phase)
    if mistake is None:
        return
    at, message, hint = mistake
    document, original = checks.document, checks.working.original(path)
    start, end = document.value(original)
    within = word_within(document.text[start:end], text, at)
    span = (start + within[0], start + within[1]) if within else (start, end)
    said = (f"the condition is wrong: {message}", hint)
    checks.found.append(document.diagnostic("error", "bad-expression", span, said))
