"""`tollway audit`: the log of changes, and whether it is whole."""
# ruff: noqa: PLC0415 - see the package's docstring

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tollway.cli.options import ConfigOption, JsonOption, UrlOption
from tollway.cli.output import FAILED, fail, note, say, say_json, table

app = typer.Typer(help="The log of changes.", no_args_is_help=True)

LARGEST_HEAD = 4096


@app.command("list")
def list_entries(
    actor: Annotated[str | None, typer.Option(help="Only of this actor.")] = None,
    action: Annotated[str | None, typer.Option(help="Only of this action.")] = None,
    thing: Annotated[str | None, typer.Option("--object", help="Only about the thing of this name.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most entries that are shown.")] = 50,
    config: ConfigOption = None,
    admin_url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who changed what, the newest first."""
    from tollway.cli.reach import Gateway
    from tollway.cli.values import when

    query = {"actor": actor, "action": action, "object": thing, "limit": limit}
    page = Gateway(config, admin_url, as_json).ask("GET", "audit", query=query)
    if as_json:
        say_json(page)
        return
    rows = [[e["seq"], when(e["at_us"]), e["actor"], e["action"], e["kind"], e["name"]] for e in page["data"]]
    say(table(("seq", "time", "actor", "action", "kind", "name"), rows, ("seq",)))
    if page["next"] is not None:
        note("There is more: --limit, or the admin API with `after`.")


@app.command()
def head(config: ConfigOption = None, admin_url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Print the newest entry's hash, signed. Kept elsewhere, it shows later whether the log was cut."""
    from tollway.cli.reach import Gateway

    say_json(Gateway(config, admin_url, as_json).ask("GET", "audit/head"), compact=True)


@app.command()
def verify(
    against: Annotated[
        Path | None, typer.Option("--head", help="A file with what `tollway audit head` printed; - for standard input.")
    ] = None,
    config: ConfigOption = None,
    admin_url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read the whole chain, and name the first entry that is wrong. Exit code 1 if there is one."""
    from tollway.cli.reach import Gateway

    gateway = Gateway(config, admin_url, as_json)
    if against is None:
        found = gateway.ask("GET", "audit/verify")
    else:
        found = gateway.ask("POST", "audit/verify", body=_read_head(against))
    if as_json:
        say_json(found)
    elif found["ok"]:
        say(f"ok: {found['entries']} entries")
    else:
        bad = found["first_bad"] or {"seq": "?", "why": "it does not hold what was signed"}
        say(f"NOT ok: entry {bad['seq']}: {bad['why']}")
    if not found["ok"]:
        raise typer.Exit(FAILED)


def _read_head(path: Path) -> dict[str, Any]:
    try:
        text = typer.get_text_stream("stdin").read(LARGEST_HEAD) if str(path) == "-" else _text(path)
        found = json.loads(text)
    except (OSError, ValueError) as error:
        fail(f"--head {path}: {getattr(error, 'strerror', None) or 'it holds no JSON'}")
    if not isinstance(found, dict):
        fail(f"--head {path}: it must hold what `tollway audit head` printed")
    return found


def _text(path: Path) -> str:
    with path.open() as file:
        return file.read(LARGEST_HEAD)
