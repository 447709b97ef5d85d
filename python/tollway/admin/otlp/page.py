"""The text of `/metrics` (Prometheus' format 0.0.4, as our own data plane writes it) as families.

The text, rather than a call of its own for the numbers: it is the one list of what is counted, so that a family that
somebody adds to it is exported without a line here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

Labels: TypeAlias = tuple[tuple[str, str], ...]

_SAMPLE = re.compile(r"([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")


@dataclass(slots=True)
class Buckets:
    """A histogram: `counts[i]` fell below `bounds[i]` and not below the one before; the last has no bound."""

    bounds: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    sum: float = 0.0


@dataclass(slots=True)
class Family:
    """One family: `values` of a counter or gauge, `histograms` of a histogram, each by its labels."""

    name: str
    kind: str
    help: str
    values: dict[Labels, float] = field(default_factory=dict)
    histograms: dict[Labels, Buckets] = field(default_factory=dict)


def families(page: str) -> list[Family]:
    """The families of the page, in its order. What is not of the format is passed over."""
    found: dict[str, Family] = {}
    helps: dict[str, str] = {}
    family: Family | None = None
    for line in page.splitlines():
        if line.startswith("#"):
            _, word, name, text = (line.split(" ", 3) + [""] * 4)[:4]
            if word == "HELP":
                helps[name] = text
            elif word == "TYPE":
                family = found.setdefault(name, Family(name, text, helps.get(name, "")))
        elif family is not None:
            _sample(family, line)
    return list(found.values())


def _sample(family: Family, line: str) -> None:
    match = _SAMPLE.fullmatch(line)
    if match is None:
        return
    name, written, number = match.groups()
    labels = tuple((key, _ESCAPE.sub(_unescape, text)) for key, text in _LABEL.findall(written or ""))
    if family.kind != "histogram":
        family.values[labels] = float(number)
        return
    part = name.removeprefix(family.name)
    bound = next((text for key, text in labels if key == "le"), None)
    rest = tuple(label for label in labels if label[0] != "le")
    buckets = family.histograms.setdefault(rest, Buckets())
    if part == "_bucket" and bound is not None:
        # The format counts all below a bound; the buckets come in the order of their bounds.
        buckets.counts.append(int(float(number)) - sum(buckets.counts))
        if bound != "+Inf":
            buckets.bounds.append(float(bound))
    elif part == "_sum":
        buckets.sum = float(number)


def _unescape(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]
