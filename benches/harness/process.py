"""Starting programs on a core of their own, and ending them."""

from __future__ import annotations

import os
import random
import resource
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

GATEWAY_CORE = 0
LOAD_CORE = 1

PATIENCE = 20.0
"""Seconds that a program gets to start, or to end."""


class StartError(RuntimeError):
    """A program did not start; the text has its last lines."""


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started inside runs on this core, with all that it starts itself."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    """A port that nobody listens on, outside the range that connections take theirs from."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise StartError("no free port between 20000 and 32000")


def raise_file_limit() -> int:
    """As many open files as are allowed; returns how many. Programs started later inherit it."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Program:
    """A program that runs until it is told to end. Its output is read away; the last lines are kept."""

    def __init__(
        self, arguments: Sequence[str | Path], core: int, folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = Path(arguments[0]).name
        with on_core(core):
            self._process = subprocess.Popen(
                [str(argument) for argument in arguments],
                cwd=folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.pid = self._process.pid
        self._lines: deque[str] = deque(maxlen=100)
        self._changed = threading.Condition()
        self._ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            with self._changed:
                self._lines.append(line.rstrip())
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def line(self, start: str) -> str:
        """The first line that begins with `start`, once it is there. Raises `StartError`."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while True:
                for line in self._lines:
                    if line.startswith(start):
                        return line
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    raise StartError(f"{self.name} never said {start!r}; it said:\n{self._said()}")
                self._changed.wait(left)

    def accepts(self, port: int) -> None:
        """Wait until something listens on the port. Raises `StartError`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise StartError(f"{self.name} does not listen on {port}; it said:\n{self.output()}")
            time.sleep(0.002)

    def output(self) -> str:
        """Its last lines."""
        with self._changed:
            return self._said()

    def _said(self) -> str:
        return "\n".join(self._lines)

    def end(self) -> None:
        """End it, by force if it must be."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
