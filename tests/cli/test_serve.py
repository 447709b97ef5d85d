"""`tollway serve`: how it starts, with a file and without, and how it says that it cannot."""

from __future__ import annotations

import shlex
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.cli.program import CONFIG, KEY, TOKEN, Program, run, until

Start = Callable[..., Program]


def test_it_serves_both_planes_and_ends_with_0(program: Program) -> None:
    answer = program.ask()
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["role"] == "assistant"
    assert program.ask_admin("/admin/v1/health").json()["status"] == "ready"
    assert [route["name"] for route in program.ask_admin("/admin/v1/routes").json()] == ["endless", "fast", "slow"]
    assert [key["id"] for key in program.ask_admin("/admin/v1/keys").json()["data"]] == ["tester"]
    assert len(program.ask_admin("/admin/v1/targets").json()) == 3
    assert httpx.get(f"{program.admin}/health/ready").json() == {"status": "ready", "data_plane": "ready"}
    assert "tollway_requests_total" in httpx.get(f"{program.admin}/metrics").text
    assert program.stop() == 0


def test_without_a_configuration_the_printed_line_works(start: Start, tmp_path: Path) -> None:
    program = start("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    command = shlex.split(program.line(r"^\s+(curl .*)$", among="stdout")[1])
    assert program.admin
    assert command[1].startswith(program.data)
    if shutil.which("curl"):
        done = subprocess.run([*command, "-sS"], capture_output=True, text=True, timeout=20, check=True)
        assert '"assistant"' in done.stdout
    headers = dict(part.split(": ", 1) for part in command if ": " in part and not part.startswith("{"))
    assert httpx.post(command[1], headers=headers, content=command[-1]).status_code == 200
    token = program.line(r"^\s+admin token\s+(\S+)$", among="stdout")[1]
    assert program.ask_admin("/admin/v1/keys", token=token).status_code == 200
    assert program.stop() == 0
    assert list(tmp_path.iterdir()) == []
    assert program.output.count(token) == 1
    assert token not in "".join(program.stderr)


def test_without_a_configuration_records_are_kept_for_as_long_as_it_runs(start: Start, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    program = start("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", TMPDIR=str(temporary))
    token = program.line(r"^\s+admin token\s+(\S+)$", among="stdout")[1]
    key = program.line(r"^\s+virtual key\s+(\S+)$", among="stdout")[1]
    (folder,) = temporary.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    body = {"model": "mock", "messages": []}
    asked = httpx.post(f"{program.data}/v1/chat/completions", json=body, headers={"x-api-key": key})
    path = f"/admin/v1/requests/{asked.headers['x-request-id']}"
    until(lambda: program.ask_admin(path, token=token).status_code == 200, "the record is in the store")
    assert program.stop() == 0
    assert list(temporary.iterdir()) == []


def test_the_file_of_the_working_directory_is_taken(start: Start, config: Path) -> None:
    program = start(cwd=config.parent)
    assert program.ask("slow").status_code == 200
    assert "curl" not in program.output


def test_an_address_that_is_taken_is_named(config: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run("serve", "--config", str(config), "--listen", f"127.0.0.1:{port}", cwd=tmp_path)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: address already in use" in done.stderr
    assert done.stdout == ""


def test_a_wrong_file_is_bad_input(config: Path, tmp_path: Path) -> None:
    config.write_text(CONFIG.replace("listen =", "lisen =", 1))
    done = run("serve", "--config", str(config), cwd=tmp_path)
    assert done.returncode == 2
    assert f"{config}:3:1" in done.stderr
    assert "did you mean `listen`" in done.stderr
    assert run("serve", "--config", str(tmp_path / "missing.toml"), cwd=tmp_path).returncode == 2


@pytest.mark.parametrize("address", ["8080", ":8080", "localhost", "::1:80", "127.0.0.1:99999"])
def test_a_wrong_address_is_bad_input(tmp_path: Path, address: str) -> None:
    done = run("serve", "--listen", address, cwd=tmp_path)
    assert done.returncode == 2
    assert "--listen" in done.stderr


@pytest.mark.parametrize("value", ["x", "1,2", "0,1,2", "900,901,902"])
def test_an_inheritance_that_is_none_is_refused(config: Path, tmp_path: Path, value: str) -> None:
    done = run("serve", "--config", str(config), cwd=tmp_path, TOLLWAY_INHERIT=value)
    assert done.returncode == 1
    assert "TOLLWAY_INHERIT" in done.stderr


def test_the_control_socket_is_private_and_goes_with_the_process(start: Start, config: Path, tmp_path: Path) -> None:
    # Short, as a runtime directory is: the path of a Unix socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="tw") as name:
        runtime = Path(name)
        program = start("--config", str(config), XDG_RUNTIME_DIR=str(runtime))
        assert program.admin
        (folder,) = runtime.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "control").stat().st_mode) == 0o600
        assert program.stop() == 0
        assert list(runtime.iterdir()) == []
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    elsewhere = start("--config", str(config), XDG_RUNTIME_DIR=str(deep))
    assert elsewhere.ask_admin("/admin/v1/health").status_code == 200
    assert list(deep.iterdir()) == []


def test_no_secret_is_printed_or_handed_to_the_child_in_the_open(program: Program) -> None:
    assert program.ask().status_code == 200
    assert program.ask_admin("/admin/v1/keys").status_code == 200
    assert program.ask_admin("/admin/v1/keys", token="wrong").status_code == 401
    metrics = program.ask_admin("/metrics").text
    (child,) = program.children()
    place = Path(f"/proc/{child}")
    in_the_open = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
    assert program.stop() == 0
    for secret in (KEY, TOKEN, "canary-server-secret", "canary-not-for-the-child"):
        assert secret not in program.output + metrics
        assert secret.encode() not in in_the_open


def test_ipv6(start: Start, config: Path) -> None:
    program = start("--config", str(config), "--listen", "[::1]:0", "--admin", "[::1]:0")
    assert program.data.startswith("http://[::1]:")
    assert program.ask().status_code == 200
    assert program.ask_admin("/admin/v1/health").status_code == 200
