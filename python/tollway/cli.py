"""The command line. Exit codes: 0 ok, 1 failed, 2 bad input.

What a command needs is imported when it runs: a gateway that starts should not wait for, or keep in memory, what only
another command uses.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from tollway.config import Address, Defaults
    from tollway.supervisor import Supervisor

FAILED, BAD_INPUT = 1, 2

DEFAULT_FILE = Path("tollway.toml")

app = typer.Typer(
    name="tollway",
    help="Tollway, an AI gateway: the fast, metered, guarded road between applications and models.",
    no_args_is_help=True,
    # Its tracebacks show local variables, which may hold secrets.
    pretty_exceptions_enable=False,
)
keys = typer.Typer(help="Virtual keys.", no_args_is_help=True)
app.add_typer(keys, name="keys")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="The configuration; ./tollway.toml if there is one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]


def main() -> None:
    """Run the program."""
    app()


@app.command()
def serve(
    config: ConfigOption = None,
    listen: Annotated[str | None, typer.Option(help="HOST:PORT of the data plane, over the file's.")] = None,
    admin: Annotated[str | None, typer.Option(help="HOST:PORT of the control plane, over the file's.")] = None,
) -> None:
    """Serve. Without a configuration: on loopback, with the bundled mock provider and a key that is shown once."""
    from tollway import logs
    from tollway.configuration import Configuration
    from tollway.errors import ConfigError, TollwayError
    from tollway.listeners import Inheritance
    from tollway.supervisor import Supervisor

    logs.configure()
    inheritance = Inheritance()
    try:
        inheritance = Inheritance.take()
        configuration = Configuration(_file(config), _address("--listen", listen), _address("--admin", admin))
        supervisor = Supervisor(configuration, inheritance, _version())
    except TollwayError as error:
        inheritance.tell(str(error))
        typer.echo(str(error).rstrip(), err=True)
        raise typer.Exit(BAD_INPUT if isinstance(error, ConfigError) else FAILED) from None
    if configuration.defaults is not None:
        _show_first_steps(configuration.defaults, supervisor)
    raise typer.Exit(supervisor.run(_say))


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="The configuration; ./tollway.toml if not given.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings fail the check.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check a configuration: every mistake with its place, what was written there, and a hint."""
    from tollway.config import check as diagnose
    from tollway.config import render
    from tollway.policy.load import HookRegistry

    path = file or DEFAULT_FILE
    hooks = HookRegistry()
    hooks.add_folder(path.parent)
    found = diagnose(path, resolve_hook=hooks.resolve)
    wrong = any(one.severity == "error" for one in found) or (strict and bool(found))
    if as_json:
        _say(json.dumps({"ok": not wrong, "diagnostics": [one.to_json() for one in found]}))
    else:
        color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        _say(render(found, color).rstrip() if wrong else f"{render(found, color)}{path}: ok")
    raise typer.Exit(BAD_INPUT if wrong else 0)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from tollway.config import json_schema

    _say(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@app.command()
def version(as_json: JsonOption = False) -> None:
    """Print the version."""
    _say(json.dumps({"version": _version()}) if as_json else f"tollway {_version()}")


@keys.command("hash")
def keys_hash(
    key: Annotated[
        str | None,
        typer.Argument(
            help="The key. Better not here, where other users of the machine can see it: without, it is asked for or "
            "read from standard input."
        ),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the hash of a virtual key, for the configuration's `hash`, under its `server.secret`."""
    from tollway._dataplane import hash_key
    from tollway.config import load
    from tollway.config.secrets import MINIMUM_KEY
    from tollway.errors import ConfigError

    path = _file(config)
    if path is None:
        _fail(f"there is no {DEFAULT_FILE} here, and the hash needs its `server.secret`: say --config FILE")
    try:
        resolved = load(path).resolved
    except ConfigError as error:
        _fail(str(error).rstrip())
    text = key if key is not None else _read_key()
    if len(text) < MINIMUM_KEY:
        _fail(f"a key has at least {MINIMUM_KEY} characters")
    digest = hash_key(resolved.server_secret.reveal().encode(), text.encode())
    _say(json.dumps({"hash": digest}) if as_json else digest)


def _read_key() -> str:
    if sys.stdin.isatty():
        prompted: str = typer.prompt("key", hide_input=True, err=True)
        return prompted
    return sys.stdin.readline().rstrip("\r\n")


def _file(config: Path | None) -> Path | None:
    if config is not None:
        return config
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def _address(option: str, text: str | None) -> Address | None:
    if text is None:
        return None
    from pydantic import TypeAdapter, ValidationError

    from tollway.config.fields import Listen

    try:
        address: Address = TypeAdapter(Listen).validate_python(text)
    except ValidationError as error:
        _fail(f"{option}: {error.errors()[0]['msg']}")
    return address


def _version() -> str:
    from importlib.metadata import version as installed

    return installed("tollway")


def _show_first_steps(defaults: Defaults, supervisor: Supervisor) -> None:
    key = defaults.key.reveal()
    _say(
        "No configuration: serving the bundled mock provider. These are shown once, and end with this process.\n"
        f"  admin token  {defaults.admin_token.reveal()}\n"
        f"  virtual key  {key}\n"
        "Try:\n"
        f"  curl {supervisor.data_url}/v1/chat/completions -H 'authorization: Bearer {key}' "
        "-H 'content-type: application/json' "
        """-d '{"model":"mock","messages":[{"role":"user","content":"Hello"}]}'"""
    )


def _say(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Whoever read our output is gone; a gateway goes on without.
        sys.stdout = None


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(BAD_INPUT)
