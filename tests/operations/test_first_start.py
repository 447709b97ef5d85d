"""`tollway serve` with nothing: what a new user sees, and does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.waiting import DEADLINE, eventually

TOLLWAY = str(Path(sys.executable).with_name("tollway"))


class FirstStart:
    """The gateway as it starts without a configuration, on ports that are free."""

    def __init__(self, folder: Path) -> None:
        command = [TOLLWAY, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        self.folder = folder
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        eventually(lambda: '"started"' in self.printed, "it starts", 3 * DEADLINE)

    @property
    def printed(self) -> str:
        """Everything that it printed."""
        return "".join(self._lines)

    def found(self, pattern: str) -> str:
        """The group of the only match in what it printed."""
        [found] = re.findall(pattern, self.printed, re.MULTILINE)
        return str(found)

    def stop(self) -> int:
        """End it as an operator does; its exit code."""
        self.process.terminate()
        code = self.process.wait(3 * DEADLINE)
        self._reader.join(DEADLINE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)


@pytest.fixture
def first(tmp_path: Path) -> Iterator[FirstStart]:
    """Started in an empty folder."""
    started = FirstStart(tmp_path)
    try:
        yield started
    finally:
        assert started.stop() == 0


def test_the_printed_line_works(first: FirstStart) -> None:
    line = first.found(r"^\s*(curl .*)$")
    ran = subprocess.run(["sh", "-c", f"{line} -sS --fail-with-body"], capture_output=True, text=True, check=True)
    answer = json.loads(ran.stdout)
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"]


def test_key_and_token_are_printed_once_and_work(first: FirstStart) -> None:
    key, token = first.found(r"^\s*virtual key\s+(\S+)$"), first.found(r"^\s*admin token\s+(\S+)$")
    assert re.fullmatch(r"tw-[a-z0-9]{12}-[A-Za-z0-9_-]{43}", key)
    assert len(token) >= 32
    data, control = first.found(r"^data plane (\S+)$"), first.found(r"^control plane (\S+)$")
    headers = {"authorization": f"Bearer {key}"}
    assert [model["id"] for model in httpx.get(f"{data}/v1/models", headers=headers).json()["data"]] == ["mock"]
    headers = {"authorization": f"Bearer {token}"}
    assert httpx.get(f"{control}/admin/v1/keys", headers=headers).json()["data"][0]["id"] == "first"
    assert httpx.get(f"{control}/admin/v1/keys").status_code == 401
    assert httpx.get(f"{data}/v1/models").status_code == 401
    # The key once, and once more in the line to try.
    assert (first.printed.count(key), first.printed.count(token)) == (2, 1)


def test_it_listens_on_loopback_alone_and_leaves_nothing_on_disk(first: FirstStart) -> None:
    processes = [psutil.Process(first.process.pid), *psutil.Process(first.process.pid).children()]
    listening = {
        connection.laddr.ip
        for process in processes
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    assert list(first.folder.iterdir()) == []


def test_two_starts_have_nothing_in_common(tmp_path: Path) -> None:
    secrets: list[set[str]] = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        started = FirstStart(folder)
        secrets.append({started.found(r"^\s*virtual key\s+(\S+)$"), started.found(r"^\s*admin token\s+(\S+)$")})
        assert started.stop() == 0
    assert secrets[0] & secrets[1] == set()
