"""Load scenarios: every subject in every round, one after the other, so that a machine that drifts drifts for all."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benches.harness import load, proc
from benches.harness.process import StartError
from benches.harness.scenario import Scenario
from benches.harness.subject import Running, Stage, Tools

Round = dict[str, dict[str, float]]
"""Metrics by subject."""

Say = Callable[[str], None]

DISTURBED = 0.05
"""Share of the machine that others may take before a run is called disturbed."""


@dataclass(slots=True)
class Outcome:
    """What a scenario measured: its rounds, and what went wrong by subject."""

    rounds: list[Round] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and with what a scenario is measured."""

    tools: Tools
    folder: Path
    files: int
    say: Say
    executables: Mapping[str, Path] = field(default_factory=dict)
    """Programs to run as subjects of their name, instead of the working tree's."""
    patience: float = 0.0
    """Seconds, for each scenario, to wait for a quiet machine and to repeat disturbed rounds."""


def measure(scenario: Scenario, bench: Bench) -> Outcome:
    """Every round of a load scenario."""
    outcome = Outcome()
    with Stage(bench.tools, bench.folder, bench.files) as stage:
        upstream = stage.upstream(scenario.upstream)
        running = start_all(stage, scenario, upstream, bench, outcome)
        deadline = time.monotonic() + bench.patience
        while len(outcome.rounds) < scenario.rounds:
            wait_for_calm(deadline)
            measured = one_round(running, scenario, bench, outcome)
            if not disturbed(measured) or time.monotonic() >= deadline:
                outcome.rounds.append(measured)
    return outcome


def one_round(running: list[Running], scenario: Scenario, bench: Bench, outcome: Outcome) -> Round:
    """The metrics of every subject, one run each; failures are noted in the outcome."""
    number = len(outcome.rounds)
    # Each goes first in its turn: what the one before leaves in the caches falls on another.
    turn = number % max(1, len(running))
    measured: Round = {}
    for subject in running[turn:] + running[:turn]:
        bench.say(f"{scenario.name}: round {number + 1} of {scenario.rounds}, {subject.name}")
        metrics, errors = one_run(subject, scenario, bench.tools)
        if errors:
            # What is quick because it fails must not fill a row.
            outcome.problems[subject.name] = f"requests failed: {errors}"
        else:
            measured[subject.name] = metrics
    return measured


def disturbed(measured: Round) -> bool:
    """Whether others took so much of the machine in this round that its figures mean little."""
    return any(metrics.get("foreign", 0.0) > DISTURBED for metrics in measured.values())


def wait_for_calm(deadline: float) -> None:
    """Wait until the machine has been quiet for a second, or the deadline is past."""
    while time.monotonic() < deadline:
        machine = proc.Machine()
        time.sleep(1)
        passed, busy, stolen = machine.since()
        if (busy - stolen) / passed <= DISTURBED:
            return


def start_all(stage: Stage, scenario: Scenario, upstream: int, bench: Bench, outcome: Outcome) -> list[Running]:
    """The subjects that start; of the others, why not."""
    running = []
    for name in scenario.subjects:
        try:
            running.append(stage.subject(name, scenario, upstream, bench.executables.get(name)))
        except StartError as error:
            outcome.problems[name] = str(error)
    return running


def one_run(subject: Running, scenario: Scenario, tools: Tools) -> tuple[dict[str, float], dict[str, int]]:
    """The metrics of one run, and its failures by kind."""
    meter = _Meter(subject)
    options = load.target(subject, scenario.load, scenario.upstream)
    pace = load.pace(scenario.load, scenario.seconds, scenario.warm_up)
    result = load.run(tools.load, [*pace, *options], meter.start)
    return {**result.metrics, **meter.stop(result.answers)}, result.errors


class _Meter:
    """CPU time of a subject in a run, and of whoever else was busy meanwhile."""

    def __init__(self, subject: Running) -> None:
        self._subject = subject
        self._machine = proc.Machine()
        self._ours = _ours()
        # Found beforehand: at the end of the warm-up the generator needs the core that a search would take.
        self._tasks = (subject.data_plane(), subject.tree())
        self.start()

    def start(self) -> None:
        """From here on the subject's time counts."""
        self._data_plane, self._tree = (proc.times(tasks) for tasks in self._tasks)

    def stop(self, answers: float) -> dict[str, float]:
        """Microseconds of the data plane and of the tree for each answer; the shares of others' and stolen time."""
        data_plane = proc.between(self._data_plane, proc.times(self._subject.data_plane()))
        passed, busy, stolen = self._machine.since()
        ours = _ours() - self._ours
        metrics = {"foreign": max(0.0, busy - stolen - ours) / passed, "stolen": stolen / passed}
        if self._subject.program is None or not answers:
            return metrics
        tree = proc.between(self._tree, proc.times(self._subject.tree()))
        # Asking costs the tree something too: it counts only where there was work left to wait for.
        if self._subject.settle():
            tree = proc.between(self._tree, proc.times(self._subject.tree()))
        return {**metrics, "cpu_us": data_plane / answers / 1000, "tree_us": tree / answers / 1000}


def _ours() -> float:
    """Nanoseconds that this harness and all that it started have spent: what is busy besides is a disturbance."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = proc.times(proc.threads(proc.tree(os.getpid())))
    return sum(running.values()) + (ended.ru_utime + ended.ru_stime) * 1e9
