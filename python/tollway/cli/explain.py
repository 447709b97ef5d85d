"""`tollway explain`: what would happen to a request, without calling out."""
# ruff: noqa: PLC0415 - see the package's docstring

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollway.cli.file import file_of
from tollway.cli.options import ConfigOption, JsonOption, UrlOption
from tollway.cli.output import BAD_INPUT, FAILED, RED, fail, paint, say, say_json, table, visible

if TYPE_CHECKING:
    from tollway.cli.reach import Gateway

RUN_TIME_ID = re.compile("[a-z0-9]{12}")


def explain(
    model: Annotated[str, typer.Option(help="The model that the request names: a route.")],
    key: Annotated[
        str | None,
        typer.Option(help="The key: its public id. Its secret works too, but other users of the machine can see it."),
    ] = None,
    body: Annotated[Path | None, typer.Option(help="A file with the request's JSON body.")] = None,
    config: ConfigOption = None,
    admin_url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell the route, targets, guardrails, limits, cache policy and cost of a request. Exit code 1 if it is refused.

    No provider is called. A key that was made at run time is looked up, in the gateway or its store.
    """
    from tollway._dataplane import explain as told_by_the_data_plane
    from tollway.cli.reach import Gateway
    from tollway.config.api import build
    from tollway.errors import ConfigError, HookError

    path = file_of(config)
    if path is None:
        fail("there is no tollway.toml here: say --config FILE")
    try:
        built = build(path, resolve_hook=lambda _call: (0, False), create_secrets=False)
    except (ConfigError, HookError) as error:
        fail(str(error).rstrip())
    data = None if body is None else _read(body, built.config.server.max_body)
    snapshot = built.snapshot
    if key is not None and key not in built.config.keys and RUN_TIME_ID.fullmatch(key):
        snapshot = _with_key(snapshot, Gateway(config, admin_url, as_json), key)
    try:
        told = json.loads(told_by_the_data_plane(snapshot, key, model, data))
    except ValueError as error:
        fail(str(error))
    if as_json:
        say_json(told)
    else:
        _show(told)
    if told["error"]:
        raise typer.Exit(FAILED)


def _with_key(snapshot: bytes, gateway: Gateway, key: str) -> bytes:
    """The snapshot with a key of the store in it, as the data plane has them beside each other."""
    shown = gateway.ask("GET", f"keys/{key}")
    settings = shown["settings"]
    if settings.get("team") is not None:
        narrowed = _team_models(gateway, settings["team"])
        if narrowed is not None:
            models = settings.get("models")
            settings["models"] = narrowed if models is None else [model for model in models if model in narrowed]
    whole = json.loads(snapshot)
    # No secret hashes to zeros: the key is found by its id alone.
    whole["keys"].append({**settings, "id": key, "hash": "0" * 64, "revoked": shown["state"] == "revoked"})
    return json.dumps(whole).encode()


def _team_models(gateway: Gateway, team: str) -> list[str] | None:
    listed = gateway.ask("GET", "teams", query={"limit": 1000})["data"]
    found: list[str] | None = next((one["settings"].get("models") for one in listed if one["name"] == team), None)
    return found


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        fail(f"--body {path}: {error.strerror}", BAD_INPUT)
    if len(data) > most:
        fail(f"--body {path}: it is larger than `server.max_body`, {most} bytes")
    return data


def _show(told: dict[str, Any]) -> None:
    from tollway.cli.values import dollars

    facts = {
        "key": _key(told["key"]),
        "route": told["route"],
        "strategy": told.get("strategy"),
        "guardrails": told["guardrails"],
        "hooks": told["hooks"],
        "limits": told["limits"],
        "cache": told["cache"],
        "input tokens": _tokens(told),
        "input $": dollars(told["estimated_cost_nano"]),
        "at most $": dollars(told["most_cost_nano"]),
    }
    say("\n".join(f"{name:<14}{visible(value)}" for name, value in facts.items()))
    if told["targets"]:
        rows = [
            [
                *(number, one["provider"], one["model"], _tokens(one), dollars(one["estimated_cost_nano"])),
                *("yes" if one["eligible"] else "no", one["why"]),
            ]
            for number, one in enumerate(told["targets"], 1)
        ]
        say("\n" + table(("", "provider", "model", "tokens", "input $", "eligible", "why"), rows))
    error = told["error"]
    if error:
        said = error if isinstance(error, str) else f"{error.get('status', '')} {error['code']}: {error['message']}"
        say("\n" + paint(f"refused: {visible(said.strip())}", RED))


def _tokens(told: dict[str, Any]) -> str | None:
    """How many tokens the input is; one that is an approximation with a tilde."""
    tokens = told["estimated_input_tokens"]
    return None if tokens is None else f"{'' if told['tokens_exact'] else '~'}{tokens}"


def _key(key: dict[str, Any] | None) -> str | None:
    if key is None:
        return None
    scopes = [f"{name} {key[name]}" for name in ("team", "project", "environment") if key.get(name)]
    return f"{key['id']} ({', '.join(scopes)})" if scopes else str(key["id"])
