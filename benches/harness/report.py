"""What a run says: a table of rows with their verdicts, and the same with every round as JSON."""

from __future__ import annotations

import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from benches.harness import expression
from benches.harness.measure import DISTURBED, Outcome, Round
from benches.harness.scenario import Row, Scenario
from benches.harness.subject import ROOT

Verdict = Literal["aim", "pass", "FAIL", "-", "missing"]


@dataclass(frozen=True, slots=True)
class Line:
    """A row as measured. Medians over the rounds; `ratio` and the verdict are of ratios within each round."""

    name: str
    unit: str
    measured: float | None
    ratio: float | None
    must: float | None
    aim: float | None
    verdict: Verdict


def line(row: Row, rounds: Sequence[Round]) -> Line:
    """A row over all rounds; `missing` if a subject that it needs was not measured."""
    try:
        measured = _each(row.value, rounds)
        compare, must, aim = (_each(text, rounds) if text else None for text in (row.compare, row.must, row.aim))
    except expression.MissingError:
        return Line(row.name, row.unit, None, None, None, None, "missing")
    ratio = _median([a / b for a, b in zip(measured, compare, strict=True) if b]) if compare else None
    verdict = judge(row, measured, must, aim)
    return Line(row.name, row.unit, _median(measured), ratio, _median(must), _median(aim), verdict)


def _each(text: str, rounds: Sequence[Round]) -> list[float]:
    if not rounds:
        raise expression.MissingError("no round was measured")
    return [expression.evaluate(text, measured) for measured in rounds]


def _median(values: list[float] | None) -> float | None:
    return statistics.median(values) if values else None


def judge(row: Row, measured: list[float], must: list[float] | None, aim: list[float] | None) -> Verdict:
    """Whether the median distance to a limit, each from its own round, is on the right side."""

    def reached(limits: list[float] | None) -> bool | None:
        if limits is None:
            return None
        sign = 1 if row.better == "lower" else -1
        return statistics.median(sign * (value - limit) for value, limit in zip(measured, limits, strict=True)) <= 0

    if reached(must) is False:
        return "FAIL"
    if reached(aim):
        return "aim"
    return "-" if must is None else "pass"


HEAD = ("", "measured", "ratio", "must", "aim", "verdict")


def table(scenario: Scenario, outcome: Outcome) -> str:
    """The rows of a scenario for a terminal, and what there is to note."""
    lines = [line(row, outcome.rounds) for row in scenario.rows]
    cells = [HEAD, *(_cells(item) for item in lines)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEAD))]
    text = [f"{scenario.name}: {scenario.title}"]
    for row in cells:
        name, *figures = row
        shown = (figure.rjust(width) for figure, width in zip(figures, widths[1:], strict=True))
        text.append("  ".join(["", name.ljust(widths[0]), *shown]).rstrip())
    text += subjects(outcome)
    text += [f"  ! {note}" for note in notes(outcome)]
    return "\n".join(text)


SHOWN = ("rps", "p50", "p99", "first_p50", "cpu_us", "tree_us")
"""The metrics of each subject that stand below the rows, so that a ratio can be seen for what it is made of."""


def subjects(outcome: Outcome) -> list[str]:
    """The medians of each subject, a line for each; none for scenarios that are not load."""
    found: dict[str, list[str]] = {}
    for name in {name: None for measured in outcome.rounds for name in measured}:
        for metric in SHOWN:
            values = [measured[name][metric] for measured in outcome.rounds if metric in measured.get(name, {})]
            if values:
                found.setdefault(name, []).append(f"{metric} {figure(statistics.median(values))}")
    width = max(map(len, found), default=0)
    return [f"  {name.ljust(width)}  {'  '.join(metrics)}" for name, metrics in found.items()]


def _cells(item: Line) -> tuple[str, ...]:
    ratio = "" if item.ratio is None else f"{item.ratio:.2f} x"
    return (item.name, f"{figure(item.measured)} {item.unit}", ratio, figure(item.must), figure(item.aim), item.verdict)


def figure(value: float | None) -> str:
    """Three digits, or all of those before the point."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.01 or value == 0 else f"{value:.1g}"


def notes(outcome: Outcome) -> list[str]:
    """What whoever reads the figures must know."""
    found = [*outcome.notes, *(f"{name}: {problem}" for name, problem in outcome.problems.items())]
    foreign = [metrics.get("foreign", 0.0) for measured in outcome.rounds for metrics in measured.values()]
    if foreign and max(foreign) > DISTURBED:
        found.append(
            f"other programs took up to {max(foreign):.0%} of the machine (median {statistics.median(foreign):.0%}): "
            "latencies and requests/s mean little, CPU per request somewhat more"
        )
    stolen = [metrics.get("stolen", 0.0) for measured in outcome.rounds for metrics in measured.values()]
    if stolen and max(stolen) > DISTURBED:
        found.append(f"the hypervisor took up to {max(stolen):.0%} of the machine")
    return found


def document(results: dict[str, tuple[Scenario, Outcome]], command: Sequence[str]) -> dict[str, Any]:
    """Everything, for a file."""
    return {
        "machine": machine(),
        "commit": commit(ROOT),
        "command": list(command),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "scenarios": {
            name: {
                "title": scenario.title,
                "rounds": scenario.rounds,
                "seconds": scenario.seconds,
                "rows": [asdict(line(row, outcome.rounds)) for row in scenario.rows],
                "notes": notes(outcome),
                "measured": outcome.rounds,
            }
            for name, (scenario, outcome) in results.items()
        },
    }


def machine() -> dict[str, Any]:
    """What was measured on."""
    info = Path("/proc/cpuinfo").read_text()
    models = [text.partition(":")[2].strip() for text in info.splitlines() if text.startswith("model name")]
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": len(models),
        "system": system,
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def commit(folder: Path) -> str:
    """The commit that is checked out, `+` if files differ from it, or `unknown`."""
    try:
        name = _git(folder, "rev-parse", "--short=12", "HEAD")
        return name + ("+" if _git(folder, "status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()
