"""The command line of benches/run.py."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benches.harness import coldstart, measure, memory, options, report
from benches.harness.measure import Bench, Outcome
from benches.harness.process import StartError, raise_file_limit
from benches.harness.scenario import Scenario, ScenarioError, load
from benches.harness.subject import find_tools

MEASURES = {"load": measure.measure, "memory": memory.measure, "cold-start": coldstart.measure}

Results = dict[str, tuple[Scenario, Outcome]]


def main(arguments: Sequence[str] | None = None) -> int:
    """0: every `must` is reached; 1: one is not, or a request failed; 2: it could not be measured."""
    chosen = parse(arguments)
    options.unwind_on_signal()
    try:
        scenarios = wanted(chosen)
        if chosen.list:
            print(*(f"{scenario.name:18} {scenario.title}" for scenario in scenarios), sep="\n")
            return 0
        bench = Bench(find_tools(chosen.target), Path(), raise_file_limit(), options.say, patience=chosen.patience)
        options.take_load_core()
        results: Results = {}
        for scenario in scenarios:
            results[scenario.name] = (scenario, one(scenario, bench))
            print(report.table(*results[scenario.name]), end="\n\n", flush=True)
            # After each, so that a long run that is cut short has not been for nothing.
            write(chosen.json, results)
    except (StartError, ScenarioError) as error:
        print(error, file=sys.stderr)
        return 2
    return status(results)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benches/run.py", description="Load scenarios beside nginx, as ratios.")
    options.add(parser)
    parser.add_argument("--subjects", metavar="NAMES", help="only these, as nginx,direct; other rows are missing")
    parser.add_argument(
        "--quick", action="store_true", help="one short round: shows that all runs, and no true figures"
    )
    parser.add_argument("--list", action="store_true", help="name the scenarios and end")
    return parser.parse_args(arguments)


def wanted(chosen: argparse.Namespace) -> list[Scenario]:
    """The scenarios to run, changed as the command line says. Raises `ScenarioError`."""
    scenarios, _gate = load()
    return [changed(options.named(scenarios, name), chosen) for name in chosen.scenario or scenarios]


def changed(scenario: Scenario, chosen: argparse.Namespace) -> Scenario:
    """A scenario with the command line's rounds, seconds and subjects."""
    if chosen.quick:
        small = replace(scenario.memory, first=2_000, last=20_000, streams=200, watch=0.5)
        scenario = replace(scenario, rounds=1, seconds=1.0, warm_up=0.3, memory=small)
    if chosen.rounds:
        scenario = replace(scenario, rounds=chosen.rounds)
    if chosen.seconds:
        scenario = replace(scenario, seconds=chosen.seconds)
    if chosen.subjects:
        names = chosen.subjects.split(",")
        subjects = {name: subject for name, subject in scenario.subjects.items() if name in names}
        scenario = replace(scenario, subjects=subjects)
    return scenario


def one(scenario: Scenario, bench: Bench) -> Outcome:
    """Measure a scenario in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="tollway-bench-") as folder:
        return MEASURES[scenario.kind](scenario, replace(bench, folder=Path(folder)))


def write(path: Path | None, results: Results) -> None:
    """The results so far."""
    if path is not None:
        path.write_text(json.dumps(report.document(results, sys.argv), indent=1) + "\n")


def status(results: Results) -> int:
    """The exit code. Rows that miss a subject which was left out on request do not count."""
    failed = any(outcome.problems for _scenario, outcome in results.values())
    lines = [report.line(row, outcome.rounds) for scenario, outcome in results.values() for row in scenario.rows]
    return 1 if failed or any(item.verdict == "FAIL" for item in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
