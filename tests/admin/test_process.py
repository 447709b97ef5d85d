"""The control plane as a process: how it starts, takes over changes, and ends; and how it leans on granian."""

from __future__ import annotations

import inspect
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from granian._granian import SocketHolder
from granian.server.embed import Server

from tests.admin.conftest import TOKEN, Plane

StartPlane = Callable[[], Plane]


def test_granian_still_lets_us_hand_it_a_socket() -> None:
    """What `InheritedServer` overrides and calls. If this fails, granian has changed: see `admin/server.py`."""
    assert list(inspect.signature(Server._init_shared_socket).parameters) == ["self"]
    assert {"_ssp", "_shd", "_sfd"} <= set(Server._init_shared_socket.__code__.co_names)
    assert list(inspect.signature(Server.startup).parameters) == ["self", "spawn_target", "target_loader"]
    assert getattr(SocketHolder, "__text_signature__", None) == "(fd, uds, backlog)"


def test_it_accepts_on_the_inherited_socket_and_no_other(own_plane: Plane) -> None:
    sockets = Path(f"/proc/{own_plane.process.pid}/net/tcp").read_text().splitlines()[1:]
    inodes = {fd.stat().st_ino for fd in Path(f"/proc/{own_plane.process.pid}/fd").iterdir()}
    listening = [line.split() for line in sockets if line.split()[3] == "0A" and int(line.split()[9]) in inodes]
    assert [int(line[1].split(":")[1], 16) for line in listening] == [own_plane.port]


def test_a_connection_made_while_none_runs_is_answered_by_the_next(own_plane: Plane) -> None:
    os.kill(own_plane.process.pid, signal.SIGKILL)
    own_plane.process.communicate(timeout=10)
    with socket.create_connection(("127.0.0.1", own_plane.port), timeout=20) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        again = Plane(own_plane.listener, own_plane.control)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    assert again.end()[0] == 0


def test_it_ends_with_its_input(own_plane: Plane) -> None:
    assert own_plane.end() == (0, "")


def test_sigterm_ends_it_and_the_terminals_signals_do_not(own_plane: Plane) -> None:
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):
        own_plane.process.send_signal(name)
    assert httpx.get(f"{own_plane.url}/health/live").status_code == 200
    own_plane.process.send_signal(signal.SIGTERM)
    assert own_plane.process.wait(10) == 0


def test_a_change_of_access_is_taken_over(own_plane: Plane) -> None:
    own_plane.tell({"token": "another-admin-token", "metrics_open": False})
    with own_plane.client("another-admin-token") as new:
        _await(lambda: new.get("/admin/v1/health").status_code == 200)
        assert new.get("/metrics").status_code == 200
    with own_plane.client() as old:
        assert old.get("/admin/v1/health").status_code == 401
        assert old.get("/metrics").status_code == 401


def test_secrets_are_neither_in_its_arguments_nor_its_environment_nor_its_logs(own_plane: Plane) -> None:
    place = Path(f"/proc/{own_plane.process.pid}")
    assert TOKEN.encode() not in (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
    own_plane.control.answers["keys.list"] = {"ok": {"data": [{"canary": TOKEN}], "next": None}}
    with own_plane.client() as client:
        assert client.get("/admin/v1/keys").status_code == 500
    code, logs = own_plane.end()
    assert code == 0
    assert '"event": "admin.fault"' in logs
    assert TOKEN not in logs


@pytest.mark.parametrize("line", ["", "nonsense\n", "{}\n"])
def test_without_a_start_it_does_not_serve(line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tollway.admin"], input=line, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.stdout == ""
    assert (done.returncode == 0) == (line == "")


def _await(condition: Callable[[], bool]) -> None:
    """Ask again until it is so; each question is a round trip, so nothing spins."""
    for _ in range(500):
        if condition():
            return
    raise AssertionError("it never came true")
