"""`tollway tail`: requests as they come."""
# ruff: noqa: PLC0415 - see the package's docstring

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollway.cli.options import ConfigOption, FilterOption, JsonOption, UrlOption
from tollway.cli.output import DIM, FAILED, GREEN, RED, YELLOW, fail, note, paint, say, say_json, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tollway.cli.reach import Gateway

PAUSE = 0.25
"""Seconds between two questions."""

AT_ONCE = 500


def tail(
    route: Annotated[str | None, typer.Option(help="Only of this route.")] = None,
    key: Annotated[str | None, typer.Option(help="Only of the key of this id.")] = None,
    team: Annotated[str | None, typer.Option(help="Only of this team.")] = None,
    status: Annotated[int | None, typer.Option(help="Only with this status.")] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Only with a status of 400 or more.")] = False,
    filters: FilterOption = None,
    config: ConfigOption = None,
    admin_url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show requests as they end, until Ctrl-C. With --json, one object a line."""
    from tollway.cli.reach import Gateway
    from tollway.cli.values import pairs

    if errors and status is not None:
        fail("give --status or --errors")
    query: dict[str, Any] = {"route": route, "key": key, "team": team, "status": status}
    if errors:
        query["status.gte"] = 400
    query = pairs(filters, "--filter") | {name: value for name, value in query.items() if value is not None}
    try:
        _follow(Gateway(config, admin_url, as_json), query, as_json)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _follow(gateway: Gateway, query: dict[str, Any], as_json: bool) -> None:
    for page in _pages(gateway, query):
        if page["missed"]:
            note(f"{page['missed']} went by unseen.")
        for record in page["data"]:
            _show(record, as_json)
        if len(page["data"]) < AT_ONCE:
            time.sleep(PAUSE)


def _pages(gateway: Gateway, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Ask again and again, each time from where the last answer ended, also after a while without answers."""
    from tollway.cli.remote import AdminError, Away

    admin = gateway.remote
    if admin is None:
        fail("`server.admin` has the port 0, so that the gateway cannot be found: say --admin-url URL")
    answered = away = False
    while True:
        try:
            page = admin.ask("GET", "tail", query={**query, "limit": AT_ONCE})
        except (Away, AdminError) as error:
            # While the data plane restarts, the control plane says 503.
            if isinstance(error, AdminError) and not (answered and error.status == 503):
                gateway.refused(error)
            if not answered:
                fail(f"error: no gateway answers at {admin.url}: {error}; `tail` needs one that runs", FAILED)
            if not away:
                note("The gateway does not answer; waiting for it.")
            away = True
            time.sleep(PAUSE)
            continue
        if away:
            note("It is back.")
        answered, away = True, False
        query["after"] = page["next"]
        yield page


def _show(record: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(record, compact=True)
        return
    status = int(record["status"])
    tokens = record.get("tokens") or {}
    place = f"{visible(record.get('route'))} > {visible(record.get('provider'))}/{visible(record.get('model'))}"
    counted = f"{visible(tokens.get('input'))} in {visible(tokens.get('output'))} out"
    parts = [
        paint(_time(record["accepted_us"]), DIM),
        paint(str(status), GREEN if status < 400 else YELLOW if status < 500 else RED),
        f"{record['total_us'] / 1000:9.1f} ms",
        f"{visible(record.get('key'))} ({visible(record.get('team'))})",
        place,
        counted,
        *([paint(visible(record["error"]), RED)] if record.get("error") else []),
        paint(visible(record["id"]), DIM),
    ]
    say("  ".join(parts))


def _time(microseconds: int) -> str:
    seconds, rest = divmod(microseconds, 1_000_000)
    return time.strftime("%H:%M:%S", time.localtime(seconds)) + f".{rest // 1000:03d}"
