"""Reload: by signal, by a change of the file, by the admin API; and what a bad file does, which is nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.program import CONFIG, Program, until

NEW_ROUTE = '\n[routes.added]\nprovider = "mock"\nmodel = "mock"\n'

Start = Callable[..., Program]


def replace(path: Path, text: str) -> None:
    """Write as editors do: another file, put in its place."""
    draft = path.with_suffix(".new")
    draft.write_text(text)
    draft.rename(path)


def test_sighup(program: Program, config: Path) -> None:
    assert program.admin
    before = program.ask_admin("/admin/v1/health").json()["generation"]
    program.signal(signal.SIGHUP)
    program.event("config.reloaded")
    assert program.ask_admin("/admin/v1/health").json()["generation"] > before
    replace(config, CONFIG + NEW_ROUTE)
    program.signal(signal.SIGHUP)
    until(lambda: program.ask("added").status_code == 200, "the new route")


@pytest.mark.parametrize("write", [replace, Path.write_text], ids=["renamed", "written"])
def test_a_change_of_the_file(program: Program, config: Path, write: Callable[[Path, str], object]) -> None:
    assert program.ask("added").status_code == 404
    write(config, CONFIG + NEW_ROUTE)
    assert program.event("config.reloaded")["cause"] == "file"
    assert program.ask("added").status_code == 200


def test_a_bad_file_is_refused_and_the_old_one_stays(program: Program, config: Path) -> None:
    assert program.admin
    replace(config, CONFIG.replace("listen =", "lisen =", 1) + NEW_ROUTE)
    assert program.event("config.refused")["cause"] == "file"
    program.line(rf"{config}:3:1")
    program.line(r"did you mean `listen`")
    assert program.ask().status_code == 200
    assert program.ask("added").status_code == 404

    refused = program.ask_admin("/admin/v1/reload", "POST")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_configuration")
    assert "did you mean `listen`" in refused.json()["error"]["message"]

    config.unlink()
    assert program.ask_admin("/admin/v1/reload", "POST").status_code == 422
    assert program.ask().status_code == 200

    replace(config, CONFIG + NEW_ROUTE)
    good = program.ask_admin("/admin/v1/reload", "POST")
    assert good.status_code == 200
    assert good.json()["generation"] == program.ask_admin("/admin/v1/health").json()["generation"]
    assert program.ask("added").status_code == 200


def test_another_admin_token_holds_at_once(start: Start, config: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first-admin-token")
    token.chmod(0o600)
    config.write_text(CONFIG.replace("env:TEST_ADMIN_TOKEN", f"file:{token}"))
    program = start("--config", str(config))
    assert program.ask_admin("/admin/v1/keys", token="first-admin-token").status_code == 200
    token.write_text("second-admin-token")
    until(lambda: program.ask_admin("/admin/v1/keys", token="second-admin-token").status_code == 200, "the new token")
    assert program.ask_admin("/admin/v1/keys", token="first-admin-token").status_code == 401
    # The next child goes by it too.
    (child,) = program.children()
    os.kill(child, signal.SIGKILL)
    program.event("control-plane.back")
    assert program.ask_admin("/admin/v1/keys", token="second-admin-token").status_code == 200


def test_what_needs_a_restart_is_said(program: Program, config: Path) -> None:
    assert program.admin
    replace(
        config, CONFIG.replace("workers = 1", "workers = 2").replace('listen = "127.0.0.1:0"', 'listen = "[::1]:0"')
    )
    said = {program.event("config.needs-restart", count)["setting"] for count in (1, 2)}
    assert said == {"server.listen", "server.workers"}
    assert program.ask().status_code == 200


def test_a_change_of_the_store_needs_a_restart(start: Start, config: Path) -> None:
    program = start("--config", str(config))
    assert program.admin
    replace(config, CONFIG + '\n[store]\nfsync = "always"\njournal = "elsewhere"\nretention = { requests = "30d" }\n')
    said = {program.event("config.needs-restart", count)["setting"] for count in (1, 2, 3)}
    assert said == {"store.fsync", "store.journal", "store.retention"}
    assert program.ask().status_code == 200
    assert not (config.parent / "elsewhere").exists()


def test_a_reload_tells_anew_where_settings_were_made(program: Program, config: Path) -> None:
    def origin() -> str:
        routes = program.ask_admin("/admin/v1/routes").json()
        return str(next(route["origin"]["targets[0].model"] for route in routes if route["name"] == "fast"))

    line = CONFIG.splitlines().index('model = "mock"') + 1
    assert origin() == f"{config}:{line}"
    replace(config, "# one line more\n" + CONFIG)
    until(lambda: origin() == f"{config}:{line + 1}", "the new place is told")


def test_without_a_file_there_is_nothing_to_reload(start: Start) -> None:
    program = start("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    assert program.admin
    program.signal(signal.SIGHUP)
    program.event("config.refused")
    program.signal(signal.SIGUSR2)
    program.event("upgrade.refused")
    assert program.stop() == 0
