"""The real program as a subprocess: its lines as they come, and where its two planes are."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import httpx

T = TypeVar("T")

TOLLWAY = str(Path(sys.executable).with_name("tollway"))
RUNTIME = tempfile.TemporaryDirectory(prefix="tw")
"""Where the control sockets go, so that a gateway which a test killed leaves nothing behind."""

KEY = "sk-canary-virtual-key"
TOKEN = "canary-admin-token"
PATIENCE = 20.0

CONFIG = """
[server]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
workers = 1
secret = "env:TEST_SERVER_SECRET"

[admin]
token = "env:TEST_ADMIN_TOKEN"

[providers.mock]
type = "mock"

[providers.slow]
type = "mock"
chunks = 20
chunk_gap = "100ms"

[providers.endless]
type = "mock"
chunks = 10000
chunk_gap = "1s"

[routes.fast]
provider = "mock"
model = "mock"

[routes.slow]
provider = "slow"
model = "mock"

[routes.endless]
provider = "endless"
model = "mock"

[keys.tester]
secret = "env:TEST_KEY"
"""


def environment(**more: str) -> dict[str, str]:
    """What the tests' configurations refer to, on top of our own environment."""
    return os.environ | {
        "XDG_RUNTIME_DIR": RUNTIME.name,
        "TEST_SERVER_SECRET": "canary-server-secret",
        "TEST_ADMIN_TOKEN": TOKEN,
        "TEST_KEY": KEY,
        "TEST_UNUSED": "canary-not-for-the-child",
        **more,
    }


def run(*arguments: str, cwd: Path, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    return subprocess.run(
        [TOLLWAY, *arguments],
        input=stdin,
        cwd=cwd,
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def until(condition: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """What `condition` gives, once that is true; asked again and again until the deadline."""
    deadline = time.monotonic() + patience
    pause = threading.Event()
    while not (result := condition()):
        assert time.monotonic() < deadline, f"in vain: {what}"
        pause.wait(0.02)
    return result


def gone(pid: int) -> bool:
    """Whether a process has ended, though perhaps nobody has asked for its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


class Program:
    """A running `tollway serve`."""

    def __init__(self, *arguments: str, cwd: Path, **env: str) -> None:
        self.process = subprocess.Popen(
            [TOLLWAY, "serve", *arguments],
            cwd=cwd,
            env=environment(**env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.stdout: list[str] = []
        self.stderr: list[str] = []
        self._changed = threading.Condition()
        self._open = 2
        for pipe, lines in ((self.process.stdout, self.stdout), (self.process.stderr, self.stderr)):
            threading.Thread(target=self._read, args=(pipe, lines), daemon=True).start()

    def _read(self, pipe: IO[str] | None, lines: list[str]) -> None:
        assert pipe is not None
        with pipe:
            for line in pipe:
                with self._changed:
                    lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def line(self, pattern: str, *, among: str = "both", count: int = 1) -> re.Match[str]:
        """The `count`th line that holds `pattern`, waited for."""

        def found() -> re.Match[str] | None:
            lines = self.stdout + self.stderr if among == "both" else getattr(self, among)
            matches = [match for line in lines if (match := re.search(pattern, line))]
            return matches[count - 1] if len(matches) >= count else None

        with self._changed:
            self._changed.wait_for(lambda: found() or not self._open, PATIENCE)
            match = found()
        assert match, f"no line with {pattern!r} ({count}) in:\n" + self.output
        return match

    def event(self, name: str, count: int = 1) -> dict[str, Any]:
        """The `count`th log of an event, waited for."""
        match = self.line(rf'^.*"event": "{re.escape(name)}".*$', among="stderr", count=count)
        event: dict[str, Any] = json.loads(match[0])
        return event

    @property
    def output(self) -> str:
        """Everything it has said so far."""
        return "\n".join([*self.stdout, *self.stderr])

    @property
    def data(self) -> str:
        """Where the data plane is."""
        return self.line(r"^data plane (http://\S+:[1-9]\d*)$", among="stdout")[1]

    @property
    def admin(self) -> str:
        """Where the control plane is."""
        return self.line(r"^control plane (http://\S+:[1-9]\d*)$", among="stdout")[1]

    def client(self) -> httpx.Client:
        """A client of the data plane."""
        return httpx.Client(base_url=self.data, headers={"authorization": f"Bearer {KEY}"}, timeout=PATIENCE)

    def ask(self, model: str = "fast", *, text: str = "Hello", stream: bool = False) -> httpx.Response:
        """One chat completion, whole."""
        with self.client() as client:
            return client.post("/v1/chat/completions", json=chat(model, text=text, stream=stream))

    def ask_admin(self, path: str, method: str = "GET", token: str = TOKEN) -> httpx.Response:
        """One call of the admin API."""
        headers = {"authorization": f"Bearer {token}"}
        return httpx.request(method, f"{self.admin}{path}", headers=headers, timeout=PATIENCE)

    def children(self) -> list[int]:
        """The control plane's process, if it runs."""
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [pid for pid in map(int, pids) if b"tollway.admin" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the parent."""
        self.process.send_signal(number)

    def stop(self) -> int:
        """End it as an operator does; the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Its exit code, and everything it said."""
        code = self.process.wait(PATIENCE)
        with self._changed:
            self._changed.wait_for(lambda: not self._open, PATIENCE)
        return code

    def kill(self) -> None:
        """Make sure that nothing is left, also after a failed test."""
        if self.process.poll() is None:
            with contextlib.suppress(OSError):
                for pid in self.children():
                    os.kill(pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait()


def chat(model: str, *, text: str = "Hello", stream: bool = False) -> dict[str, object]:
    """The body of a chat completion."""
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]}
