"""Diagnostics: what is wrong with a configuration, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from tollway.errors import Diagnostic

REPEATS = 10
"""How many warnings of the same words are shown in full; the rest are counted."""

_COLORS = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "place": "\x1b[1;34m",
    "hint": "\x1b[1;36m",
    "bold": "\x1b[1m",
}
_RESET = "\x1b[0m"


def render(diagnostics: Sequence[Diagnostic], color: bool = False) -> str:
    """The report for people: each diagnostic with its line, and a count at the end; empty for none."""
    if not diagnostics:
        return ""
    shown, seen = [], dict[tuple[str, str], int]()
    for diagnostic in diagnostics:
        kind = (diagnostic.code, diagnostic.message)
        seen[kind] = seen.get(kind, 0) + 1
        if diagnostic.severity == "error" or seen[kind] <= REPEATS:
            shown.append(_block(diagnostic, color))
    return "\n\n".join([*shown, _count(diagnostics, len(diagnostics) - len(shown), color)]) + "\n"


def _block(diagnostic: Diagnostic, color: bool) -> str:
    def paint(name: str, text: str) -> str:
        return f"{_COLORS[name]}{text}{_RESET}" if color else text

    gutter = " " * len(str(diagnostic.line))
    bar = paint("place", "|")
    kind = f"{diagnostic.severity}[{diagnostic.code}]"
    lines = [
        f"{paint(diagnostic.severity, kind)}: {paint('bold', diagnostic.message)}",
        f"{gutter}{paint('place', '-->')} {diagnostic.file}:{diagnostic.line}:{diagnostic.column}",
    ]
    if diagnostic.source is not None:
        carets = " " * diagnostic.caret + paint(diagnostic.severity, "^" * diagnostic.width)
        lines += [
            f"{gutter} {bar}",
            f"{paint('place', str(diagnostic.line))} {bar} {diagnostic.source}".rstrip(),
            f"{gutter} {bar} {carets}",
        ]
    if diagnostic.hint:
        lines.append(f"{gutter} {paint('place', '=')} {paint('hint', 'help')}: {diagnostic.hint}")
    return "\n".join(lines)


def _count(diagnostics: Sequence[Diagnostic], left_out: int, color: bool) -> str:
    errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [f"{errors} error{'s' * (errors != 1)}"] if errors else []
    parts += [f"{warnings} warning{'s' * (warnings != 1)}"] if warnings else []
    text = ", ".join(parts) + (f" ({left_out} repeated, not shown)" if left_out else "")
    return f"{_COLORS['bold']}{text}{_RESET}" if color else text
