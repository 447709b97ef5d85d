"""The line of `tollway serve`: read without typer where it can be, and then as typer reads it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tollway import cli
from tollway.cli import serving
from tollway.cli.app import app

NOTHING: dict[str, str] = {}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("serve", NOTHING),
        ("serve --config a.toml", {"config": "a.toml"}),
        ("serve -c a.toml", {"config": "a.toml"}),
        ("serve -c a.toml --config b.toml", {"config": "b.toml"}),
        (
            "serve --admin 127.0.0.1:2 --listen [::1]:1 --config a/b.toml",
            {"config": "a/b.toml", "listen": "[::1]:1", "admin": "127.0.0.1:2"},
        ),
    ],
)
def test_what_is_plain_is_read_as_typer_reads_it(
    monkeypatch: pytest.MonkeyPatch, line: str, expected: dict[str, str]
) -> None:
    told: list[tuple[str | None, ...]] = []

    def run(config: str | None = None, listen: str | None = None, admin: str | None = None) -> int:
        told.append((config, listen, admin))
        return 7

    monkeypatch.setattr(serving, "run", run)
    assert cli.plain(line.split()) == expected
    assert CliRunner().invoke(app, line.split()).exit_code == 7
    run(**expected)
    assert told[0] == told[1]


@pytest.mark.parametrize(
    "line",
    [
        *("", "check", "serve --help", "serve --config", "serve a.toml", "serve --config=a.toml", "serve -ca.toml"),
        *("serve --listen --admin", "serve --conf a.toml", "serve --listen", "serve -- --config a.toml", "--help"),
    ],
)
def test_all_else_is_typers(line: str) -> None:
    assert cli.plain(line.split()) is None


def test_an_empty_value_is_typers() -> None:
    assert cli.plain(["serve", "--listen", ""]) is None


def test_a_gateway_loads_no_parser() -> None:
    """What the parent of a running gateway has loaded stays in its memory."""
    program = "import sys, tollway.cli, tollway.cli.serving; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"typer", "click", "rich", "asyncio", "ssl", "uvloop", "starlette", "granian"} & set(loaded)


def test_the_control_plane_loads_no_loader() -> None:
    """The other process takes single modules of the configuration: neither the parser of files nor the data plane."""
    program = "import sys, tollway.admin.__main__; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    unwanted = (
        "config.load",
        "config.schema",
        "config.snapshot",
        "config.price_table",
        "providers",
        "_dataplane",
        "cli",
    )
    assert not {f"tollway.{name}" for name in unwanted} & set(loaded)
