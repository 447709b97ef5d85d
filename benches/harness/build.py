"""A version of Tollway built as it is shipped, in a virtual environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benches.harness.process import StartError
from benches.harness.subject import ROOT

VENV = ROOT / ".venv"
Command = Sequence[str | Path]

LOCK = Path("requirements/runtime.txt")


@dataclass(frozen=True, slots=True)
class Version:
    """A checked-out version: its sources, where cargo builds it, and a folder for the rest."""

    name: str
    source: Path
    target: Path
    folder: Path

    @property
    def program(self) -> Path:
        """Its `tollway`, once it is installed."""
        return self.folder / "venv/bin/tollway"


@contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """A worktree of the commit, removed again at the end. Raises `StartError` for a commit that is not there."""
    path = folder / "base"
    run(["git", "-C", ROOT, "worktree", "add", "--detach", path, commit], ROOT)
    try:
        yield path
    finally:
        run(["git", "-C", ROOT, "worktree", "remove", "--force", path], ROOT)


def install(version: Version) -> None:
    """Build the wheel and install it, with the dependencies that its lock names. Raises `StartError`."""
    wheels = version.folder / "wheels"
    python = version.folder / "venv/bin/python"
    environment: dict[str, str] = {"CARGO_TARGET_DIR": str(version.target), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    build: Command = [VENV / "bin/maturin", "build", "--release", "--locked", "--interpreter", sys.executable]
    run([*build, "--out", wheels], version.source, environment)
    run([sys.executable, "-m", "venv", "--without-pip", version.folder / "venv"], version.folder)
    pip: Command = [VENV / "bin/python", "-m", "pip", "--python", python, "install", "--quiet", "--no-deps"]
    run([*pip, "--no-index", *wheels.glob("*.whl")], version.folder, environment)
    if (version.source / LOCK).read_bytes() == (ROOT / LOCK).read_bytes():
        # The same dependencies: those that are installed already do, behind this version's own packages.
        (site(python) / "shared.pth").write_text(f"{site(VENV / 'bin/python')}\n")
    else:
        run([*pip, "--require-hashes", "-r", version.source / LOCK], version.folder, environment)


def site(python: Path) -> Path:
    """The folder of an interpreter's packages."""
    return Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], ROOT).strip())


def scenarios(version: Version) -> set[str]:
    """The names of the scenarios that the version knows; none if it has no such file."""
    try:
        return set(tomllib.loads((version.source / "benches/scenarios.toml").read_text())["scenarios"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return set()


def instructions(version: Version) -> dict[str, float]:
    """The instructions of each step of its micro benches; none if it does not count them. Raises `StartError`."""
    script = version.source / "benches/micro/instructions.py"
    if not script.exists():
        return {}
    said = run([sys.executable, script], version.source, {"CARGO_TARGET_DIR": str(version.target)})
    # A table for people comes first.
    return counts(json.loads(said.strip().splitlines()[-1]))


def counts(document: Mapping[str, Any]) -> dict[str, float]:
    """The counts of a document of steps: each a number, or a table that has it as `instructions`."""
    return {
        step: float(value["instructions"] if isinstance(value, dict) else value) for step, value in document.items()
    }


def run(command: Command, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """What the command printed. Raises `StartError` with what it said if it failed."""
    text = [str(part) for part in command]
    done = subprocess.run(
        text, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StartError(f"{' '.join(text)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout
