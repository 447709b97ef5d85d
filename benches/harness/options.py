"""What the command lines of run.py and gate.py have in common."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from benches.harness.process import GATEWAY_CORE, LOAD_CORE, StartError
from benches.harness.scenario import Scenario, ScenarioError
from benches.harness.subject import ROOT


def add(parser: argparse.ArgumentParser) -> None:
    """The options of both."""
    parser.add_argument("--scenario", action="append", metavar="NAME", help="only this one; may be given again")
    parser.add_argument("--rounds", type=int, help="instead of benches/scenarios.toml's")
    parser.add_argument("--seconds", type=float, help="of a round, instead of benches/scenarios.toml's")
    patience = "wait this long, in each scenario, for a quiet machine and repeat disturbed rounds"
    parser.add_argument("--patience", type=float, default=0.0, metavar="SECONDS", help=patience)
    parser.add_argument("--json", type=Path, metavar="OUT", help="write everything that was measured there")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--target", type=Path, default=target, help="cargo's target folder (default: %(default)s)")


def named(scenarios: Mapping[str, Scenario], name: str) -> Scenario:
    """The scenario of that name. Raises `ScenarioError`."""
    if name not in scenarios:
        raise ScenarioError(f"no scenario is named {name}; there are: {', '.join(scenarios)}")
    return scenarios[name]


def take_load_core() -> None:
    """Keep this process from the gateway's core. Raises `StartError` unless there are two cores."""
    missing = {GATEWAY_CORE, LOAD_CORE} - os.sched_getaffinity(0)
    if missing:
        raise StartError(f"cores {GATEWAY_CORE} and {LOAD_CORE} are needed; this process may not use {sorted(missing)}")
    os.sched_setaffinity(0, {LOAD_CORE})


def unwind_on_signal() -> None:
    """SIGTERM ends with everything that was started."""
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(130))


def say(text: str) -> None:
    """Progress, for a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
