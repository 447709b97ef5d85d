"""The real gateway as a child process: started from a configuration, watched over its admin API, and ended."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from tests.support.toml import render
from tests.support.waiting import eventually
from tests.support.wire import Answer, Wire, ask, request

KEY = "canary-virtual-key-1"
ADMIN_TOKEN = "canary-admin-token-1"
SERVER_SECRET = "canary-server-secret-1"
UPSTREAM_KEY = "canary-upstream-key-1"

START = 30.0
"""Seconds that a start may take on a busy machine."""

_PLANES = {name: re.compile(rf"{name} plane (https?://\S+)") for name in ("data", "control")}


def minimal(
    upstream_url: str,
    *,
    server: Mapping[str, object] | None = None,
    provider: Mapping[str, object] | None = None,
    route: Mapping[str, object] | None = None,
    **tables: Mapping[str, object],
) -> str:
    """A configuration with the route `m` to `up-model` at one upstream, and one key.

    `server`, `provider` and `route` change or add settings of these tables; `tables` are merged in whole, so that
    `keys={"k2": {…}}` adds a key.
    """
    document: dict[str, object] = {
        "server": {
            "listen": "127.0.0.1:0",
            "admin": "127.0.0.1:0",
            "workers": 2,
            "drain": "2s",
            "secret": "env:TEST_SERVER_SECRET",
            **(server or {}),
        },
        "admin": {"token": "env:TEST_ADMIN_TOKEN"},
        "providers": {
            "up": {
                "type": "openai",
                "base_url": f"{upstream_url}/v1",
                "api_key": "env:TEST_UPSTREAM_KEY",
                **(provider or {}),
            }
        },
        "routes": {"m": {"provider": "up", "model": "up-model", "max_retries": 0, **(route or {})}},
        "keys": {"test": {"secret": "env:TEST_KEY"}},
    }
    for name, table in tables.items():
        known = document.get(name)
        document[name] = {**known, **table} if isinstance(known, dict) else table
    return render(document)


class RunningGateway:
    """A gateway that serves; a context manager that ends it.

    `environment` is added to the variables that `minimal` refers to. Without `text`, it is started without a file.
    `under` is a command that starts the command which follows it.
    """

    key = KEY
    admin_token = ADMIN_TOKEN

    def __init__(
        self, text: str | Mapping[str, object] | None, folder: Path, *, under: Sequence[str] = (), **environment: str
    ) -> None:
        self.folder = folder
        self.config = folder / "tollway.toml"
        command = [*under, str(Path(sys.executable).parent / "tollway"), "serve"]
        if text is not None:
            self.write(text)
            command += ["--config", str(self.config)]
        self._lines: list[str] = []
        self._printed = threading.Condition()
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={
                **os.environ,
                "TEST_KEY": KEY,
                "TEST_ADMIN_TOKEN": ADMIN_TOKEN,
                "TEST_SERVER_SECRET": SERVER_SECRET,
                "TEST_UPSTREAM_KEY": UPSTREAM_KEY,
                **environment,
            },
        )
        self.pid = self.process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._admin: httpx.Client | None = None
        try:
            self.url = self._plane("data")
            self.admin_url = self._plane("control")
        except BaseException:
            self.kill()
            raise
        self.host = urlsplit(self.url).hostname or ""
        self.port = urlsplit(self.url).port or 0

    @property
    def address(self) -> tuple[str, int]:
        """Where the data plane listens."""
        return self.host, self.port

    @property
    def log(self) -> str:
        """Everything that it has printed."""
        with self._printed:
            return "\n".join(self._lines)

    @property
    def admin(self) -> httpx.Client:
        """A client of the admin API, with the token."""
        if self._admin is None:
            headers = {"authorization": f"Bearer {self.admin_token}"}
            self._admin = httpx.Client(base_url=self.admin_url, headers=headers, timeout=30, trust_env=False)
        return self._admin

    def health(self) -> dict[str, Any]:
        """The data plane's health, as the admin API tells it."""
        answer = self.admin.get("/admin/v1/health")
        assert answer.status_code == 200, answer.text
        health: dict[str, Any] = answer.json()
        return health

    def settled(self) -> None:
        """Wait until nothing is in flight and no caller's connection is open."""
        eventually(self._at_rest, "the gateway is at rest")

    def _at_rest(self) -> bool:
        health = self.health()
        return (health["in_flight"], health["connections"]) == (0, 0)

    def connect(self) -> Wire:
        """A connection to the data plane on which the caller writes what it likes."""
        return Wire(self.address)

    def chat(self, body: object = None, *headers: tuple[str, str], key: str | None = KEY) -> Answer:
        """A chat completion on a connection of its own. `body` is JSON; bytes are sent as they are."""
        return ask(self.address, request(chat_body() if body is None else body, headers, key=key))

    def write(self, text: str | Mapping[str, object]) -> None:
        """Put another configuration in the file's place, whole at once."""
        fresh = self.config.with_suffix(".new")
        fresh.write_text(text if isinstance(text, str) else render(text))
        fresh.replace(self.config)

    def reload(self, text: str | Mapping[str, object]) -> None:
        """Write the file, send SIGHUP and wait until the new configuration is in force."""
        before = self.health()["generation"]
        self.write(text)
        os.kill(self.pid, signal.SIGHUP)
        eventually(lambda: self.health()["generation"] > before, "the configuration is reloaded")

    def printed(self, text: str) -> None:
        """Wait until it has printed `text`."""
        with self._printed:
            assert self._printed.wait_for(lambda: any(text in line for line in self._lines), START), (
                f"{text!r} was not printed:\n" + "\n".join(self._lines)
            )

    def rss(self) -> int:
        """Resident bytes of the data plane's process."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        found = re.search(r"^Rss:\s+(\d+) kB$", rollup, re.MULTILINE)
        assert found is not None, rollup
        return int(found[1]) * 1024

    def stop(self, timeout: float = START) -> int:
        """Send SIGTERM and wait for the end; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout)
        finally:
            self.kill()
        return code

    def kill(self) -> None:
        """End it at once, if it has not ended, and let go of everything."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(START)
        if self.process.stdout is not None:
            self.process.stdout.close()
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(ValueError):
            for line in self.process.stdout:
                with self._printed:
                    self._lines.append(line.rstrip("\n"))
                    self._printed.notify_all()
        with self._printed:
            self._printed.notify_all()

    def _plane(self, name: str) -> str:
        found: list[str] = []

        def look() -> bool:
            found[:] = [match[1] for line in self._lines if (match := _PLANES[name].search(line))]
            return bool(found) or not self._reader.is_alive()

        with self._printed:
            self._printed.wait_for(look, START)
            assert found, f"the {name} plane did not start:\n" + "\n".join(self._lines)
            return found[0]


def chat_body(model: str = "m", **members: object) -> dict[str, object]:
    """The body of an ordinary request."""
    return {"model": model, "messages": [{"role": "user", "content": "Hello?"}], **members}
