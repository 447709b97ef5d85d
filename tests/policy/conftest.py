"""Operators' modules, and a runtime to call them in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.policy.harness import Harness


@pytest.fixture(autouse=True)
def import_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test adds to the import path is gone after it."""
    monkeypatch.setattr(sys, "path", [*sys.path])


@pytest.fixture
def module(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Write an operator's module, under a name no other test has."""

    def write(source: str) -> str:
        name = f"hooks_{abs(hash((request.node.nodeid, source)))}"
        (tmp_path / f"{name}.py").write_text(source)
        return name

    return write


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    """A runtime with two threads, stopped at the end."""
    harness = Harness(tmp_path, threads=2)
    harness.runtime.start()
    yield harness
    harness.source.close(2)
    harness.runtime.stop(10)
