"""One run of `tollway-load`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benches.harness import render
from benches.harness.process import LOAD_CORE, PATIENCE, on_core
from benches.harness.scenario import Load, Upstream
from benches.harness.subject import Running

QUANTILES = ("mean", "p50", "p90", "p99", "p999", "max")


class LoadError(RuntimeError):
    """The generator did not do what it was told."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run counted: metrics by name, in microseconds where they are times, and failures by kind."""

    metrics: dict[str, float]
    errors: dict[str, int]

    @property
    def answers(self) -> float:
        """Whole answers' worth of work that was done after the warm-up."""
        return self.metrics["answers"]


def target(running: Running, load: Load, upstream: Upstream) -> list[str]:
    """The options that say what is sent where, and what must come back."""
    return [
        f"--core={LOAD_CORE}",
        f"--url={running.url}",
        f"--key={render.KEY}",
        f"--model={render.ROUTE}",
        f"--variants={running.used}",
        f"--bytes={load.bytes}",
        f"--text={load.text}",
        f"--verify={load.verify}",
        f"--answer={upstream.size}",
        f"--chunks={upstream.chunks}",
        f"--chunk-size={upstream.chunk_size}",
        *(["--stream"] if load.stream else []),
    ]


def pace(load: Load, seconds: float, warm_up: float) -> list[str]:
    """The options that say how, and for how long."""
    length = [f"--duration={_milliseconds(seconds)}", f"--warm-up={_milliseconds(warm_up)}"]
    if load.mode == "open":
        return ["open", f"--rate={load.rate}", *length]
    return ["closed", f"--connections={load.connections}", *length]


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def run(program: Path, options: list[str], measuring: Callable[[], None]) -> Result:
    """One run; `measuring` is called when its warm-up ends. Raises `LoadError` if there is no result."""
    with _started(program, options) as process:
        lines = iter(process.stdout or ())
        try:
            if json.loads(next(lines))["event"] != "measuring":
                raise LoadError("the generator's first line is not the end of its warm-up")
            measuring()
            return read(json.loads(next(lines)))
        except (StopIteration, ValueError) as error:
            raise LoadError(f"{program.name} gave no result: {' '.join(options)}") from error


def read(report: dict[str, Any]) -> Result:
    """The generator's report as metrics."""
    metrics = {name: float(report[name]) for name in ("requests", "answers", "rps", "seconds", "reconnects")}
    for prefix, part in (("", "latency_us"), ("first_", "first_chunk_us"), ("late_", "late_us")):
        if report[part] is not None:
            metrics |= {f"{prefix}{name}": float(report[part][name]) for name in QUANTILES}
    return Result(metrics, {kind: int(count) for kind, count in report["errors"].items()})


@contextmanager
def holding(program: Path, options: list[str]) -> Iterator[dict[str, Any]]:
    """Streams that stay open inside; gives how many there are and what failed. Raises `LoadError`."""
    with _started(program, ["hold", *options]) as process:
        try:
            state: dict[str, Any] = json.loads(next(iter(process.stdout or ())))["state"]
        except (StopIteration, ValueError, KeyError) as error:
            raise LoadError(f"{program.name} held no streams: {' '.join(options)}") from error
        yield state


@contextmanager
def _started(program: Path, options: list[str]) -> Iterator[subprocess.Popen[str]]:
    with on_core(LOAD_CORE):
        process = subprocess.Popen([program, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        # Its input's end lets streams go; a run that has given its result ends by itself.
        if process.stdin:
            with suppress(BrokenPipeError):
                process.stdin.close()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
