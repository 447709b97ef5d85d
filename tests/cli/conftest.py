"""Programs that are ended with their test, and a configuration file to serve."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.program import CONFIG, Program


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a mock provider at three speeds."""
    path = tmp_path / "tollway.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start programs in a folder of the test's own."""
    programs: list[Program] = []

    def start(*arguments: str, cwd: Path = tmp_path, **env: str) -> Program:
        programs.append(Program(*arguments, cwd=cwd, **env))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()


@pytest.fixture
def program(start: Callable[..., Program], config: Path) -> Program:
    """One that serves `config`."""
    return start("--config", str(config))
