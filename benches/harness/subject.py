"""What load is sent to, running: nginx, Tollway, or the mock upstream itself."""

from __future__ import annotations

import os
import re
import shutil
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benches.harness import proc, render
from benches.harness.process import GATEWAY_CORE, LOAD_CORE, Program, StartError, free_port
from benches.harness.scenario import Scenario, Subject, Upstream

ROOT = Path(__file__).resolve().parents[2]

UPSTREAM_OPTIONS = ("latency", "size", "chunks", "chunk_size", "gap")

DATA_PLANE = "tollway-dp"
"""How the names of the data plane's threads begin."""

OUTBOX_PATIENCE = 60.0
"""Seconds after a run in which the outbox must have become empty."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs."""

    mock: Path
    load: Path
    nginx: Path | None
    tollway: Path


def find_tools(target: Path, tollway: Path = ROOT / ".venv/bin/tollway") -> Tools:
    """The programs as `make bench` builds and installs them. Raises `StartError` that says how to get them."""
    mock, load = target / "release/tollway-mock-upstream", target / "release/tollway-load"
    if not (mock.exists() and load.exists()):
        raise StartError(f"{load} is not built: cargo build --release -p tollway-bench-load")
    # Debian keeps daemons in sbin, which a user's PATH may lack.
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    return Tools(mock, load, Path(found) if found else None, tollway)


@dataclass(frozen=True, slots=True)
class Running:
    """A subject that accepts. The mock itself has no program of its own here."""

    name: str
    port: int
    used: int
    program: Program | None = None
    admin: int | None = None
    is_data_plane: Callable[[str], bool] = lambda _thread: True

    @property
    def url(self) -> str:
        """Where chat completions are asked for."""
        return f"http://127.0.0.1:{self.port}/v1/chat/completions"

    def pids(self) -> list[int]:
        """Its processes."""
        return proc.tree(self.program.pid) if self.program else []

    def data_plane(self) -> list[Path]:
        """The threads that do a request's work: Tollway's data plane, nginx's worker."""
        return list(proc.threads(self.pids(), self.is_data_plane))

    def tree(self) -> list[Path]:
        """The threads of all its processes."""
        return list(proc.threads(self.pids()))

    def settle(self) -> bool:
        """Wait until what requests left to be done later is done: until the outbox is empty. Whether there was any.

        Raises `StartError`.
        """
        if self.admin is None or _outbox(self.admin) == 0:
            return False
        deadline = time.monotonic() + OUTBOX_PATIENCE
        while _outbox(self.admin) > 0:
            if time.monotonic() > deadline:
                raise StartError(f"{self.name}: the outbox is not empty after {OUTBOX_PATIENCE:.0f} s")
            time.sleep(0.25)
        return True


def _outbox(admin: int) -> float:
    """Bytes in Tollway's journal that are not yet stored; 0 where it has no journal."""
    with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = re.search(r"^tollway_journal_unshipped_bytes(?:\{[^}]*\})? (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


class Stage:
    """One scenario's programs: the mock and every subject, started anew and ended with it."""

    def __init__(self, tools: Tools, folder: Path, files: int) -> None:
        self._tools = tools
        self._folder = folder
        self._files = files
        self._programs = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._programs.close()

    def upstream(self, upstream: Upstream) -> int:
        """Start the mock; returns its port."""
        options = [f"--{name.replace('_', '-')}={getattr(upstream, name)}" for name in UPSTREAM_OPTIONS]
        mock = self._start([self._tools.mock, f"--cores={LOAD_CORE}", *options], LOAD_CORE)
        return int(mock.line("listening on ").rpartition(":")[2])

    def subject(self, name: str, scenario: Scenario, upstream: int, tollway: Path | None = None) -> Running:
        """Start a subject and wait until it accepts; `tollway` is the program to run instead of the working tree's.

        Raises `StartError`.
        """
        running = self.launch(name, scenario, upstream, tollway)
        if running.program is not None and running.admin is not None:
            running.program.line("control plane ")
        elif running.program is not None:
            running.program.accepts(running.port)
        return running

    def launch(self, name: str, scenario: Scenario, upstream: int, tollway: Path | None = None) -> Running:
        """As `subject`, without waiting."""
        subject = scenario.subjects[name]
        if subject.kind == "direct":
            return Running(name, upstream, 1)
        if subject.kind == "nginx":
            return self._nginx(name, upstream, stream=scenario.load.stream or scenario.kind == "memory")
        return self._tollway(name, subject, upstream, tollway or self._tools.tollway)

    def _nginx(self, name: str, upstream: int, *, stream: bool) -> Running:
        if self._tools.nginx is None:
            raise StartError("nginx is not installed: on Debian, apt-get install nginx-light (make bench does)")
        folder, port = self._new_folder(name), free_port()
        proxy = render.Proxy(folder, port, upstream, stream, self._files, root=os.geteuid() == 0)
        (folder / "nginx.conf").write_text(render.nginx(proxy))
        files: list[str | Path] = ["-p", folder, "-e", folder / "nginx-error.log", "-c", folder / "nginx.conf"]
        return Running(name, port, 1, self._start([self._tools.nginx, *files], GATEWAY_CORE))

    def _tollway(self, name: str, subject: Subject, upstream: int, executable: Path) -> Running:
        if not executable.exists():
            raise StartError(f"{executable} is not built: make build")
        folder, port, admin = self._new_folder(name), free_port(), free_port()
        (folder / "tollway.toml").write_text(render.tollway(subject, port, admin, upstream))
        environment = {**render.HIDDEN, "PYTHONPATH": str(ROOT / "benches/hooks")}
        command: list[str | Path] = [executable, "serve", "--config", folder / "tollway.toml"]
        program = self._start(command, GATEWAY_CORE, environment)
        return Running(name, port, subject.used, program, admin, lambda thread: thread.startswith(DATA_PLANE))

    def _start(self, command: list[str | Path], core: int, environment: Mapping[str, str] | None = None) -> Program:
        program = Program(command, core, self._folder, environment)
        self._programs.callback(program.end)
        return program

    def _new_folder(self, name: str) -> Path:
        folder = self._folder / name
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        return folder
