"""A real PostgreSQL server of one's own: started on a free port, stopped, started again, ended."""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.waiting import eventually

_START = 60.0
_FAST = "-F -c fsync=off -c full_page_writes=off -c max_connections=50"
"""What is tested is our side; its own durability costs only time."""


_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")


class Postgres:
    """A cluster in a folder of its own. `url` is what the gateway's `store.url` takes."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tollway-postgres-"))
        self.data = self.folder / "data"
        self.port = _port()
        self.url = f"postgres://tollway@127.0.0.1:{self.port}/postgres"
        if os.getuid() == 0:
            # PostgreSQL refuses to run as root.
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        self._run("initdb", "--pgdata", str(self.data), "--username", "tollway", "--auth", "trust", "--no-sync")
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' {_FAST}"
        self._control("start", "-o", options)
        eventually(self.answers, "PostgreSQL answers", _START)

    def stop(self) -> None:
        """Stop it at once: every connection is cut."""
        self._control("stop", "-m", "immediate")

    def query(self, text: str) -> list[str]:
        """The rows of `text`, each as psql prints it, unaligned."""
        command = [_program("psql"), "--no-psqlrc", "--tuples-only", "--no-align", "--command", text, self.url]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_START)
        return done.stdout.splitlines()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop = self._as_nobody(_program("pg_ctl"), "stop", "-m", "immediate", "-D", str(self.data))
        subprocess.run(stop, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _control(self, action: str, *options: str) -> None:
        log = str(self.folder / "log")
        self._run("pg_ctl", action, "-D", str(self.data), "-l", log, "-w", "-t", "60", *options)

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            self._as_nobody(_program(name), *arguments),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"

    def _as_nobody(self, *command: str) -> list[str]:
        return [*_NOBODY, *command] if os.getuid() == 0 else [*command]


def _port() -> int:
    """A free port that nobody is given while the server is stopped: below those that the system hands out."""
    ports = list(range(20_000, 30_000))
    random.shuffle(ports)
    for port in ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port between 20000 and 30000 is free")


def _program(name: str) -> str:
    """Debian keeps the server's programs out of the way, one folder a version."""
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), *map(Path, os.get_exec_path())]
    for folder in folders:
        if (folder / name).is_file():
            return str(folder / name)
    raise AssertionError(f"PostgreSQL's `{name}` is not here: install Debian's package postgresql")
