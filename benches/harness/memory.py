"""The memory scenario: how much an idle gateway takes, whether load makes it grow, and what an idle stream costs."""

from __future__ import annotations

import time
from dataclasses import replace

from benches.harness import load, proc
from benches.harness.measure import Bench, Outcome, start_all
from benches.harness.scenario import Scenario
from benches.harness.subject import Running, Stage

MB = 1_000_000

SPARE_FILES = 200
"""Open files that a gateway needs besides those of its streams."""

QUIET = 2.0
"""Seconds after load before memory is read: what is kept for reuse may be given back."""

LONGEST = 3600
"""Seconds that the requests of one step may take."""


def measure(scenario: Scenario, bench: Bench) -> Outcome:
    """Every round of a memory scenario."""
    outcome = Outcome()
    streams = fitting(scenario.memory.streams, bench.files)
    if streams < scenario.memory.streams:
        outcome.notes.append(
            f"{scenario.name}: {streams} idle streams instead of {scenario.memory.streams}, "
            f"since this machine allows a process {bench.files} open files"
        )
    scenario = replace(scenario, memory=replace(scenario.memory, streams=streams))
    for number in range(scenario.rounds):
        bench.say(f"{scenario.name}: round {number + 1} of {scenario.rounds}")
        # Started anew each time: memory that was taken once would hide what is taken again.
        with Stage(bench.tools, bench.folder, bench.files) as stage:
            upstream = stage.upstream(scenario.upstream)
            subjects = start_all(stage, scenario, upstream, bench, outcome)
            outcome.rounds.append({subject.name: _subject(subject, scenario, bench, outcome) for subject in subjects})
    return outcome


def fitting(wanted: int, files: int) -> int:
    """Streams that a process may have open: each needs a file on either side."""
    return max(1, min(wanted, (files - SPARE_FILES) // 2))


def _subject(subject: Running, scenario: Scenario, bench: Bench, outcome: Outcome) -> dict[str, float]:
    memory, metrics = scenario.memory, {}

    def requests(count: int) -> None:
        bench.say(f"{scenario.name}: {subject.name}, {count} requests")
        options = load.target(subject, scenario.load, scenario.upstream)
        pace = [*load.pace(scenario.load, LONGEST, 0), f"--requests={count}"]
        errors = load.run(bench.tools.load, [*pace, *options], lambda: None).errors
        if errors:
            outcome.problems[subject.name] = f"requests failed: {errors}"

    requests(1)
    metrics["idle_mb"] = _resting(subject)
    requests(memory.first)
    metrics["before_mb"] = _resting(subject)
    # The first answer whose usage nobody reported is counted by the gateway: the vocabulary is loaded then, once.
    _wave(subject, replace(scenario, memory=replace(memory, streams=1, watch=0)), bench, outcome)
    metrics["first_mb"] = _resting(subject)
    requests(memory.last - memory.first)
    metrics["last_mb"] = _resting(subject)
    for wave in ("wave1", "wave2"):
        bench.say(f"{scenario.name}: {subject.name}, {memory.streams} idle streams")
        metrics |= {f"{wave}_{name}": value for name, value in _wave(subject, scenario, bench, outcome).items()}
        metrics[f"{wave}_after_mb"] = _resting(subject)
    metrics["stream_bytes"] = (metrics["wave1_open_mb"] - metrics["last_mb"]) * MB / memory.streams
    return metrics


def _wave(subject: Running, scenario: Scenario, bench: Bench, outcome: Outcome) -> dict[str, float]:
    """Open the streams, look at the memory twice, let them go."""
    memory = scenario.memory
    waiting = replace(scenario.load, stream=True)
    options = [f"--streams={memory.streams}", *load.target(subject, waiting, scenario.upstream)]
    with load.holding(bench.tools.load, options) as state:
        opened = _resting(subject)
        time.sleep(memory.watch)
        later = _resting(subject)
    if state["streams"] != memory.streams:
        outcome.problems[subject.name] = f"{state['streams']} of {memory.streams} streams are open: {state['errors']}"
    return {"open_mb": opened, "later_mb": later}


def _resting(subject: Running) -> float:
    time.sleep(QUIET)
    subject.settle()
    return proc.pss(subject.pids()) / MB
