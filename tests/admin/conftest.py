"""The control plane's process, started as the supervisor starts it, beside a control socket of the test's own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.admin.control_server import ControlServer

TOKEN = "canary-admin-token"


class Plane:
    """A running control plane."""

    def __init__(self, listener: socket.socket, control: ControlServer) -> None:
        self.listener = listener
        self.control = control
        self.port: int = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tollway.admin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            process_group=0,
        )
        self.tell(
            {
                "fd": listener.fileno(),
                "control": str(control.path),
                "version": "0.1.0",
                "began_ns": 1,
                "access": {"token": TOKEN, "metrics_open": True},
            }
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n", self.end()[1]

    def tell(self, line: dict[str, object]) -> None:
        """Write a line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(line).encode() + b"\n")
        self.process.stdin.flush()

    def client(self, token: str | None = TOKEN, *, http2: bool = False) -> httpx.Client:
        """A client that sends `token`."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, http1=not http2, http2=http2, timeout=10)

    def raw(self, request: bytes) -> bytes:
        """The whole answer to bytes that no client library would send."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def end(self) -> tuple[int, str]:
        """Let it see the end of its input; its exit code and its logs."""
        _, logs = self.process.communicate(timeout=10)
        return self.process.returncode, logs.decode()


@pytest.fixture(scope="session")
def start_plane() -> Iterator[Callable[[], Plane]]:
    """Start a control plane; all are ended with the session."""
    planes: list[Plane] = []
    # Not under pytest's own folder: a Unix socket's path has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="tw") as folder:

        def start() -> Plane:
            listener = socket.create_server(("127.0.0.1", 0))
            listener.setblocking(False)
            plane = Plane(listener, ControlServer(Path(folder) / str(len(planes))))
            planes.append(plane)
            return plane

        yield start
        for plane in planes:
            if plane.process.poll() is None:
                plane.end()
            for pipe in (plane.process.stdin, plane.process.stdout, plane.process.stderr):
                if pipe is not None:
                    pipe.close()
            plane.listener.close()
            plane.control.stop()


@pytest.fixture(scope="session")
def shared(start_plane: Callable[[], Plane]) -> Plane:
    """One for all tests that leave it as it was."""
    return start_plane()


@pytest.fixture
def plane(shared: Plane) -> Iterator[Plane]:
    """The shared one, with the usual answers again after each test."""
    answers = dict(shared.control.answers)
    yield shared
    shared.control.answers = answers


@pytest.fixture
def client(plane: Plane) -> Iterator[httpx.Client]:
    """A client with the admin token."""
    with plane.client() as client:
        yield client


@pytest.fixture
def own_plane(start_plane: Callable[[], Plane]) -> Plane:
    """One that the test may end."""
    return start_plane()
