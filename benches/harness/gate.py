"""The command line of benches/gate.py: has the working tree become slower than a base commit?

Both are built as they are shipped and started side by side; the load goes to one and then the other in every round, so
that a ratio is of the same seconds. Where they are to be told apart by a few percent, count instructions: those of the
micro benches vary by nothing but the code.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from benches.harness import build, compare, measure, options
from benches.harness.build import Version
from benches.harness.compare import Comparison
from benches.harness.measure import Bench, Outcome, disturbed
from benches.harness.process import StartError, raise_file_limit
from benches.harness.report import commit, machine, notes
from benches.harness.scenario import Gate, Scenario, ScenarioError, load
from benches.harness.subject import ROOT, find_tools

HOW_TO_READ = """\
ratio: working tree over base, median of the rounds; below 1 the working tree is the better. REGRESSION: above the
limit, and the confidence interval lies above 1. unclear: above the limit, but so uncertain that it may be nothing:
make the machine quiet, or ask for more --rounds. Rounds in which other programs took more than a twentieth of the
machine do not count. Instructions do not vary: there, any excess is of the code."""


@dataclass(slots=True)
class Findings:
    """What came of it. `broken` says that the working tree does not start, or fails requests."""

    comparisons: list[Comparison] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    broken: bool = False

    @property
    def failed(self) -> bool:
        return self.broken or any(item.verdict == "REGRESSION" for item in self.comparisons)

    @property
    def status(self) -> int:
        """The exit code: what compared nothing has not passed."""
        return 1 if self.failed else 0 if self.comparisons else 2


def main(arguments: Sequence[str] | None = None) -> int:
    """0: no regression; 1: one, or the working tree is broken; 2: nothing could be measured."""
    chosen = parse(arguments)
    options.unwind_on_signal()
    try:
        scenarios, gate = load()
        gate = replace(
            gate,
            rounds=chosen.rounds or gate.rounds,
            seconds=chosen.seconds or gate.seconds,
            patience=chosen.patience or gate.patience,
        )
        wanted = [options.named(scenarios, name) for name in chosen.scenario or gate.scenarios]
        options.take_load_core()
        with tempfile.TemporaryDirectory(prefix="tollway-gate-") as folder:
            found = judge(chosen, wanted, gate, Path(folder))
    except (StartError, ScenarioError) as error:
        print(error, file=sys.stderr)
        return 2
    print(table(found.comparisons), *(f"! {remark}" for remark in found.remarks), HOW_TO_READ, sep="\n")
    if chosen.json:
        chosen.json.write_text(json.dumps(document(chosen, found), indent=1) + "\n")
    return found.status


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    description = "Compare the working tree with a base commit, interleaved, as ratios."
    parser = argparse.ArgumentParser(prog="benches/gate.py", description=description, epilog=HOW_TO_READ)
    parser.add_argument("base", nargs="?", default="HEAD", help="the commit to compare with (default: %(default)s)")
    parser.add_argument("--no-instructions", action="store_true", help="leave the micro benches out")
    parser.add_argument("--no-load", action="store_true", help="leave the load scenarios out")
    options.add(parser)
    return parser.parse_args(arguments)


def judge(chosen: argparse.Namespace, wanted: Sequence[Scenario], gate: Gate, folder: Path) -> Findings:
    """Build both versions and compare them."""
    found = Findings()
    with build.checked_out(chosen.base, folder) as source:
        # A folder of cargo's that stays: the next gate need not build the base's dependencies again.
        base = Version("base", source, chosen.target / "gate", folder / "base-installed")
        tree = Version("tree", ROOT, chosen.target, folder / "tree-installed")
        if not chosen.no_instructions:
            _instructions(base, tree, gate, found)
        if not chosen.no_load:
            _load(base, tree, common(base, wanted, found), gate, found)
    return found


def common(base: Version, wanted: Sequence[Scenario], found: Findings) -> list[Scenario]:
    """The scenarios that can be compared: of load, and known to the base."""
    known = build.scenarios(base)
    for scenario in wanted:
        if scenario.name not in known:
            found.remarks.append(f"{scenario.name}: skipped, the base commit does not have it")
        elif scenario.kind != "load" or "tollway" not in scenario.subjects:
            found.remarks.append(f"{scenario.name}: skipped, it is not load on one gateway")
    return [one for one in wanted if one.name in known and one.kind == "load" and "tollway" in one.subjects]


def _instructions(base: Version, tree: Version, gate: Gate, found: Findings) -> None:
    options.say("counting instructions")
    counted = {version.name: build.instructions(version) for version in (base, tree)}
    for name, steps in counted.items():
        if not steps:
            found.remarks.append(f"instructions: skipped, {name} does not count them")
            return
    found.comparisons += compare.instructions(counted["base"], counted["tree"], gate.instructions)
    for step in sorted(set(counted["base"]) ^ set(counted["tree"])):
        found.remarks.append(f"{step}, instructions: skipped, only one of the two has this step")


def _load(base: Version, tree: Version, scenarios: Sequence[Scenario], gate: Gate, found: Findings) -> None:
    if not scenarios:
        return
    for version in (base, tree):
        options.say(f"building {version.name}")
        version.folder.mkdir()
        build.install(version)
    files = raise_file_limit()
    tools = find_tools(tree.target, tree.program)
    for scenario in scenarios:
        folder = base.folder.parent / "run"
        folder.mkdir(exist_ok=True)
        programs = {"base": base.program, "tree": tree.program}
        bench = Bench(tools, folder, files, options.say, programs, gate.patience)
        subjects = dict.fromkeys(("base", "tree"), scenario.subjects["tollway"])
        both = replace(scenario, subjects=subjects, rounds=gate.rounds, seconds=gate.seconds)
        judge_outcome(both, measure.measure(both, bench), gate, found)


def judge_outcome(scenario: Scenario, outcome: Outcome, gate: Gate, found: Findings) -> None:
    """The comparisons of one scenario, or why there are none."""
    found.remarks += [f"{scenario.name}: {note}" for note in notes(outcome)]
    found.broken |= "tree" in outcome.problems
    if outcome.problems:
        found.remarks.append(f"{scenario.name}: skipped, since {' and '.join(outcome.problems)} failed")
        return
    calm = [measured for measured in outcome.rounds if not disturbed(measured)]
    if len(calm) < len(outcome.rounds):
        found.remarks.append(
            f"{scenario.name}: other programs were busy in all but {len(calm)} rounds; only those count"
        )
    if not calm:
        return
    for metric, limit in (("cpu_us", gate.cpu), ("p50", gate.p50)):
        ratios = [measured["tree"][metric] / measured["base"][metric] for measured in calm]
        found.comparisons.append(compare.compare(f"{scenario.name}, {metric}", ratios, limit, gate.confidence))


def table(comparisons: Sequence[Comparison]) -> str:
    """The comparisons for a terminal."""
    width = max((len(item.name) for item in comparisons), default=0)
    lines = [f"{'':{width}}  ratio  {'interval':^15}  limit"]
    lines += [
        f"{item.name:{width}}  {item.ratio:5.3f}  {item.low:6.3f} - {item.high:6.3f}  {item.limit:5.3f}  {item.verdict}"
        for item in comparisons
    ]
    return "\n".join(lines)


def document(chosen: argparse.Namespace, found: Findings) -> dict[str, object]:
    """Everything, for a file."""
    return {
        "machine": machine(),
        "base": chosen.base,
        "tree": commit(ROOT),
        "command": sys.argv,
        "failed": found.failed,
        "comparisons": [asdict(item) for item in found.comparisons],
        "remarks": found.remarks,
    }


if __name__ == "__main__":
    sys.exit(main())
