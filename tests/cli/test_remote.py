"""The commands and what they reach: which address and token, and answers that are none of the admin API's."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import CONFIG, run


class _Elsewhere(http.server.BaseHTTPRequestHandler):
    """Some other program's answers."""

    def do_GET(self) -> None:
        said = {"/admin/v1/keys": b"<h1>Welcome</h1>"}.get(self.path.partition("?")[0], b"[1")
        self.send_response(200 if "keys" in self.path else 418)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "command", [("keys", "list"), ("usage",), ("audit", "head"), ("requests", "show", "x"), ("tail",)]
)
def test_what_is_not_the_admin_api_is_said(tmp_path: Path, elsewhere: str, command: tuple[str, ...]) -> None:
    done = run(*command, "--admin-url", elsewhere, cwd=tmp_path)
    assert done.returncode == 1
    assert "not Tollway's admin API" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("keys", "list"), ("usage",), ("audit", "verify"), ("tail",)])
def test_a_gateway_that_was_named_is_not_replaced_by_the_store(
    tmp_path: Path, config: Path, command: tuple[str, ...]
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        done = run(*command, "--config", str(config), "--admin-url", url, cwd=tmp_path)
    assert done.returncode == 1
    assert url in done.stderr
    assert "connection refused" in done.stderr
    assert not (tmp_path / "tollway.db").exists()


def test_without_a_configuration_it_says_what_to_do(tmp_path: Path) -> None:
    done = run("keys", "list", "--json", cwd=tmp_path, TOLLWAY_ADMIN_URL="")
    if "admin token" in done.stderr:
        pytest.skip("something serves port 8081 here")
    assert done.returncode == 1
    assert "say --config FILE or --admin-url URL" in done.stderr
    assert '"code": "away"' in done.stdout


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8081", "ftp://a", "http://", "http://u:canary-pw@a", "http://a?x", "http://a:x", "http://a b"]
)
def test_a_url_that_is_none_is_bad_input(tmp_path: Path, url: str) -> None:
    done = run("keys", "list", "--admin-url", url, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "canary-pw" not in done.stderr


def test_a_file_that_is_not_toml_is_bad_input(tmp_path: Path, config: Path) -> None:
    config.write_text("[server\n")
    done = run("keys", "list", "--config", str(config), cwd=tmp_path)
    assert done.returncode == 2
    assert f"{config}:1:" in done.stderr
    assert run("keys", "list", "--config", str(tmp_path / "no.toml"), cwd=tmp_path).returncode == 2


def test_the_store_needs_the_whole_configuration(tmp_path: Path, config: Path) -> None:
    """A person at a shell has not all the keys: that is said, and only where no gateway could be asked."""
    config.write_text(CONFIG.replace("env:TEST_KEY", "env:TEST_NOT_SET_HERE"))
    done = run("keys", "list", "--config", str(config), cwd=tmp_path)
    assert done.returncode == 2
    assert "TEST_NOT_SET_HERE" in done.stderr
    assert "store cannot be opened without" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("keys", "update", "k"),
        ("keys", "update", "k", "--team", "a", "--clear", "team"),
        ("keys", "create", "--set", "limits"),
        ("keys", "create", "--set", "a=1", "--set", "a.b=2"),
        ("keys", "create", "--metadata", "owner"),
        ("keys", "show", ""),
        ("usage", "--csv", "--json"),
        ("usage", "--filter", "by=team"),
        ("usage", "--from", "99999d"),
        ("requests", "search", "--filter", "limit=5"),
        ("requests", "search", "--limit", "0"),
        ("tail", "--errors", "--status", "200"),
        ("audit", "verify", "--head", "no-such-file"),
        ("audit", "verify", "--head", "tollway.toml"),
        ("explain", "--model", "m", "--body", "no-such-file"),
        ("explain",),
        ("tail",),
    ],
)
def test_bad_input_is_2_and_asks_nobody(tmp_path: Path, config: Path, arguments: tuple[str, ...]) -> None:
    assert config.parent == tmp_path
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()
