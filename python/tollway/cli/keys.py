"""`tollway keys`: virtual keys."""
# ruff: noqa: PLC0415 - see the package's docstring

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from tollway.cli.file import file_of
from tollway.cli.options import ConfigOption, JsonOption, UrlOption
from tollway.cli.output import fail, note, say, say_json, table, visible

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer(help="Virtual keys.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(help="The key's public id.")]
NameOption = Annotated[str | None, typer.Option(help="What people call the key.")]
TeamOption = Annotated[str | None, typer.Option(help="Team that its use counts for.")]
ProjectOption = Annotated[str | None, typer.Option(help="Project that its use counts for.")]
EnvironmentOption = Annotated[str | None, typer.Option(help="Environment that its use counts for.")]
ModelsOption = Annotated[list[str] | None, typer.Option("--models", help="Routes that it may use: a,b or repeated.")]
ExpiresOption = Annotated[str | None, typer.Option(help="When it ends: 2027-01-31, …T12:00:00Z, or 30d from now.")]
TagsOption = Annotated[list[str] | None, typer.Option("--tags", help="Tags of its requests: a,b or repeated.")]
MetadataOption = Annotated[list[str] | None, typer.Option("--metadata", help="NAME=TEXT of your own. Repeatable.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help='Any other setting, as limits.rpm=100 or budgets=\'[{"usd":50,"per":"month"}]\'.'),
]
COLUMNS = ("id", "name", "team", "project", "environment", "state", "expires", "source")


@app.command()
def create(
    name: NameOption = None,
    team: TeamOption = None,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    models: ModelsOption = None,
    expires: ExpiresOption = None,
    tags: TagsOption = None,
    metadata: MetadataOption = None,
    settings: SetOption = None,
    config: ConfigOption = None,
    admin_url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key. Its secret is shown this once."""
    from tollway.cli.reach import Gateway

    plain = {"name": name, "team": team, "project": project, "environment": environment, "expires": expires}
    body = _settings(plain, {"models": models, "tags": tags}, metadata, settings)
    _show_secret(Gateway(config, admin_url, as_json).ask("POST", "keys", body=body), as_json)


@app.command()
def update(
    key: IdArgument,
    name: NameOption = None,
    team: TeamOption = None,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    models: ModelsOption = None,
    expires: ExpiresOption = None,
    tags: TagsOption = None,
    metadata: MetadataOption = None,
    settings: SetOption = None,
    clear: Annotated[list[str] | None, typer.Option("--clear", help="A setting to take away. Repeatable.")] = None,
    config: ConfigOption = None,
    admin_url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change what is named; the rest of the key stays as it is."""
    from tollway.cli.reach import Gateway

    plain = {"name": name, "team": team, "project": project, "environment": environment, "expires": expires}
    changes = _settings(plain, {"models": models, "tags": tags}, metadata, settings)
    for cleared in clear or ():
        if cleared in changes:
            fail(f"--clear {cleared}: it is set too")
        changes[cleared] = None
    if not changes:
        fail("say what to change: --team research, --set limits.rpm=100, --clear expires")
    _show(Gateway(config, admin_url, as_json).ask("PATCH", _path(key), body=changes), as_json)


@app.command("list")
def list_keys(
    team: TeamOption = None,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    state: Annotated[str | None, typer.Option(help="active, revoked or expired.")] = None,
    limit: Annotated[int, typer.Option(help="Most keys that are shown; 0 for all.")] = 100,
    config: ConfigOption = None,
    admin_url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the keys, those of the configuration too."""
    from tollway.cli.reach import Gateway

    gateway = Gateway(config, admin_url, as_json)
    query: dict[str, Any] = {"team": team, "project": project, "environment": environment, "state": state}
    found: list[dict[str, Any]] = []
    while True:
        query["limit"] = min(1000, limit - len(found)) if limit > 0 else 1000
        page = gateway.ask("GET", "keys", query=query)
        found += page["data"]
        query["after"] = page["next"]
        if page["next"] is None or (limit > 0 and len(found) >= limit):
            break
    if as_json:
        say_json({"data": found, "next": query["after"]})
        return
    say(table(COLUMNS, [_row(key) for key in found]))
    if query["after"] is not None:
        note("There are more: --limit 0 shows all.")


@app.command()
def show(
    key: IdArgument, config: ConfigOption = None, admin_url: UrlOption = None, as_json: JsonOption = False
) -> None:
    """Show one key. Its secret is not shown again."""
    from tollway.cli.reach import Gateway

    _show(Gateway(config, admin_url, as_json).ask("GET", _path(key)), as_json)


@app.command()
def rotate(
    key: IdArgument,
    grace: Annotated[str, typer.Option(help="How long the old secret works on: 1h, 7d.")] = "0s",
    config: ConfigOption = None,
    admin_url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a key a new secret, shown this once."""
    from tollway.cli.reach import Gateway

    body = {"grace": grace}
    _show_secret(Gateway(config, admin_url, as_json).ask("POST", f"{_path(key)}/rotate", body=body), as_json)


@app.command()
def revoke(
    key: IdArgument, config: ConfigOption = None, admin_url: UrlOption = None, as_json: JsonOption = False
) -> None:
    """Withdraw a key, for good."""
    from tollway.cli.reach import Gateway

    revoked = Gateway(config, admin_url, as_json).ask("DELETE", _path(key))
    if as_json:
        say_json(revoked)
    else:
        say(f"{visible(revoked['id'])} is revoked")


@app.command("hash")
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
    from tollway.config.api import load
    from tollway.config.secrets import MINIMUM_KEY
    from tollway.errors import ConfigError

    path: Path | None = file_of(config)
    if path is None:
        fail("there is no tollway.toml here, and the hash needs its `server.secret`: say --config FILE")
    try:
        resolved = load(path).resolved
    except ConfigError as error:
        fail(str(error).rstrip())
    text = key if key is not None else _read_key()
    if len(text) < MINIMUM_KEY:
        fail(f"a key has at least {MINIMUM_KEY} characters")
    digest = hash_key(resolved.server_secret.reveal().encode(), text.encode())
    say(json.dumps({"hash": digest}) if as_json else digest)


def _read_key() -> str:
    if sys.stdin.isatty():
        prompted: str = typer.prompt("key", hide_input=True, err=True)
        return prompted
    return sys.stdin.readline().rstrip("\r\n")


def _path(key: str) -> str:
    if not key:
        fail("the id of a key is not empty")
    return f"keys/{quote(key, safe='')}"


def _settings(
    plain: dict[str, str | None],
    lists: dict[str, list[str] | None],
    metadata: list[str] | None,
    others: list[str] | None,
) -> dict[str, Any]:
    """The settings that were named, as the admin API takes them; it checks them."""
    from tollway.cli.values import listed, moment, pairs, set_path

    plain["expires"] = moment(plain["expires"], "--expires", ahead=True)
    settings: dict[str, Any] = {name: text for name, text in plain.items() if text is not None}
    settings |= {name: listed(given) for name, given in lists.items() if given is not None}
    if metadata is not None:
        settings["metadata"] = pairs(metadata, "--metadata")
    for path, text in pairs(others, "--set").items():
        set_path(settings, path, text)
    return settings


def _row(key: dict[str, Any]) -> list[object]:
    from tollway.cli.values import when

    settings = key["settings"]
    expires = settings.get("expires")
    told = {**settings, **key, "expires": None if expires is None else when(expires * 1_000_000)}
    return [told.get(name) for name in COLUMNS]


def _show(key: dict[str, Any], as_json: bool) -> None:
    from tollway.cli.values import when

    if as_json:
        say_json(key)
        return
    told = {"id": key["id"], "state": key["state"], "source": key["source"], **key["settings"]}
    if told.get("expires") is not None:
        told["expires"] = when(told["expires"] * 1_000_000)
    for name in ("created", "updated", "rotated", "previous_until", "revoked"):
        if key.get(f"{name}_us") is not None:
            told[name] = when(key[f"{name}_us"])
    width = max(len(name) for name in told)
    say("\n".join(f"{name.ljust(width)}  {visible(value)}" for name, value in told.items()))


def _show_secret(key: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(key)
        return
    say(f"id      {visible(key['id'])}\nsecret  {key['secret']}")
    note("The secret is shown this once: keep it now.")
