"""Counts the instructions of each step under callgrind, and prints them as a table, then as JSON.

Unlike time, the count hardly depends on the other load of the machine, so two commits can be compared by it. Each step
runs at two counts; the difference leaves out what start-up costs. Callgrind knows no SHA instructions, so `key_hash`
counts the portable code.

    python benches/micro/instructions.py [STEP ...]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "tollway-bench-micro"
FEW, MANY = 20, 120
COLLECTED = re.compile(r"Collected : (\d+)")


def build() -> Path:
    """The binary, built as released but with symbols."""
    command = ["cargo", "build", "--locked", "--profile", "profiling", "-p", PACKAGE, "--bin", "instructions"]
    subprocess.run(command, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "profiling" / "instructions"


def steps(binary: Path) -> dict[str, int]:
    """Each step's name and how many bytes it reads."""
    listed = subprocess.run([binary], capture_output=True, text=True, check=True).stdout
    return {name: int(size) for name, size in (line.split() for line in listed.splitlines())}


def collected(binary: Path, step: str, count: int) -> int:
    """The instructions of the whole process that runs the step so many times."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(binary), step, str(count)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    found = COLLECTED.search(run.stderr)
    if run.returncode or not found:
        sys.exit(f"callgrind failed on {step}:\n{run.stderr}")
    return int(found.group(1))


def main() -> None:
    """Counts the steps named, or all."""
    parser = argparse.ArgumentParser(description="Count the instructions of each step under callgrind.")
    parser.add_argument("step", nargs="*", help="default: every step")
    wanted = parser.parse_args().step
    binary = build()
    known = steps(binary)
    unknown = [step for step in wanted if step not in known]
    if unknown:
        sys.exit(f"no such step: {', '.join(unknown)}. There are: {', '.join(known)}")
    results: dict[str, dict[str, float]] = {}
    print(f"{'step':<20} {'bytes':>8} {'instructions':>13} {'per byte':>9}")
    for step in wanted or known:
        each = (collected(binary, step, MANY) - collected(binary, step, FEW)) / (MANY - FEW)
        results[step] = {"bytes": known[step], "instructions": round(each, 1)}
        print(f"{step:<20} {known[step]:>8} {each:>13,.0f} {each / known[step]:>9.2f}", flush=True)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
