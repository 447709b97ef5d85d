"""The command line of benches/run.py."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benches.harness import coldstart, measure, memory, report
from benches.harness.measure import Bench, Outcome
from benches.harness.process import GATEWAY_CORE, LOAD_CORE, StartError, raise_file_limit
from benches.harness.scenario import Scenario, ScenarioError, load
from benches.harness.subject import ROOT, find_tools

MEASURES = {"load": measure.measure, "memory": memory.measure, "cold-start": coldstart.measure}


def main(arguments: Sequence[str] | None = None) -> int:
    """0: every `must` is reached; 1: one is not, or a request failed; 2: it could not be measured."""
    # An end by signal unwinds as well, so that nothing that was started is left behind.
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(130))
    try:
        options = parse(arguments)
        bench = Bench(find_tools(options.target), Path(), raise_file_limit(), say)
        scenarios = chosen(options)
        check_cores()
    except (StartError, ScenarioError) as error:
        print(error, file=sys.stderr)
        return 2
    results: dict[str, tuple[Scenario, Outcome]] = {}
    for scenario in scenarios:
        with tempfile.TemporaryDirectory(prefix="tollway-bench-") as folder:
            outcome = MEASURES[scenario.kind](scenario, replace(bench, folder=Path(folder)))
        results[scenario.name] = (scenario, outcome)
        print(report.table(scenario, outcome), end="\n\n", flush=True)
        # After each, so that a long run that is cut short has not been for nothing.
        write(options.json, results)
    return status(results)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benches/run.py", description="Load scenarios beside nginx, as ratios.")
    parser.add_argument("--scenario", action="append", metavar="NAME", help="only this one; may be given again")
    parser.add_argument(
        "--subjects", metavar="NAMES", help="only these, as in nginx,direct; rows that need others are missing"
    )
    parser.add_argument("--rounds", type=int, help="instead of each scenario's own")
    parser.add_argument("--seconds", type=float, help="of a round, instead of each scenario's own")
    parser.add_argument(
        "--quick", action="store_true", help="see that everything runs: one short round, no true figures"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write every round there")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--target", type=Path, default=target, help="cargo's target folder (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="name the scenarios and end")
    return parser.parse_args(arguments)


def chosen(options: argparse.Namespace) -> list[Scenario]:
    """The scenarios to run, changed as the command line says. Raises `ScenarioError`."""
    scenarios, _gate = load()
    if options.list:
        for scenario in scenarios.values():
            print(f"{scenario.name:18} {scenario.title}")
        return []
    wanted = options.scenario or list(scenarios)
    if unknown := [name for name in wanted if name not in scenarios]:
        raise ScenarioError(f"no scenario is named {', '.join(unknown)}; there are: {', '.join(scenarios)}")
    return [changed(scenarios[name], options) for name in wanted]


def changed(scenario: Scenario, options: argparse.Namespace) -> Scenario:
    """A scenario with the command line's rounds, seconds and subjects."""
    if options.quick:
        small = replace(scenario.memory, first=2_000, last=20_000, streams=200, watch=0.5)
        scenario = replace(scenario, rounds=1, seconds=1.0, warm_up=0.3, memory=small)
    if options.rounds:
        scenario = replace(scenario, rounds=options.rounds)
    if options.seconds:
        scenario = replace(scenario, seconds=options.seconds)
    if options.subjects:
        names = options.subjects.split(",")
        scenario = replace(scenario, subjects={k: v for k, v in scenario.subjects.items() if k in names})
    return scenario


def check_cores() -> None:
    """Raise `StartError` unless there is a core for the gateway and another for the load."""
    missing = {GATEWAY_CORE, LOAD_CORE} - os.sched_getaffinity(0)
    if missing:
        raise StartError(f"cores {GATEWAY_CORE} and {LOAD_CORE} are needed; this process may not use {sorted(missing)}")
    # The harness itself must not take time from the gateway.
    os.sched_setaffinity(0, {LOAD_CORE})


def write(path: Path | None, results: dict[str, tuple[Scenario, Outcome]]) -> None:
    """The results so far."""
    if path is not None:
        path.write_text(json.dumps(report.document(results, sys.argv), indent=1) + "\n")


def status(results: dict[str, tuple[Scenario, Outcome]]) -> int:
    """The exit code; what was left out on request is not a failure."""
    failed = any(outcome.problems for _scenario, outcome in results.values())
    lines = [report.line(row, outcome.rounds) for scenario, outcome in results.values() for row in scenario.rows]
    return 1 if failed or any(item.verdict == "FAIL" for item in lines) else 0


def say(text: str) -> None:
    """Progress, for a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
