"""`tollway requests`: the log of requests."""
# ruff: noqa: PLC0415 - see the package's docstring

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from tollway.cli.options import ConfigOption, FilterOption, FromOption, JsonOption, ToOption, UrlOption
from tollway.cli.output import fail, note, say, say_json, table, visible

app = typer.Typer(help="The log of requests.", no_args_is_help=True)

COLUMNS = ("time", "id", "status", "error", "key", "team", "route", "provider", "model", "ms", "in", "out", "cost $")


@app.command()
def search(
    filters: FilterOption = None,
    since: FromOption = None,
    to: ToOption = None,
    order: Annotated[str, typer.Option(help="desc: the newest first; asc.")] = "desc",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Most requests that are shown.")] = 50,
    config: ConfigOption = None,
    admin_url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search by any field: --filter status.gte=400 --filter team=data-science."""
    from tollway.cli.reach import Gateway
    from tollway.cli.values import moment, pairs

    query: dict[str, Any] = {"from": moment(since, "--from"), "to": moment(to, "--to"), "order": order}
    sought = pairs(filters, "--filter")
    if sought.keys() & {*query, "limit", "after"}:
        fail("--filter: from, to, order and limit have options of their own")
    query |= sought
    gateway = Gateway(config, admin_url, as_json)
    found: list[dict[str, Any]] = []
    scanned = 0
    while True:
        page = gateway.ask("GET", "requests", query={**query, "limit": min(500, limit - len(found))})
        found += page["data"]
        scanned += page["scanned"]
        query["after"] = page["next"]
        if page["next"] is None or len(found) >= limit:
            break
    if as_json:
        say_json({"data": found, "next": query["after"], "scanned": scanned})
        return
    say(table(COLUMNS, [row(record) for record in found], ("status", "ms", "in", "out", "cost $")))
    if query["after"] is not None:
        note("There may be more: --limit.")


@app.command()
def show(
    request: Annotated[str, typer.Argument(help="The request's id: `x-request-id` of its answer.")],
    config: ConfigOption = None,
    admin_url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show everything that is remembered of one request."""
    from tollway.cli.reach import Gateway

    if not request:
        fail("the id of a request is not empty")
    record = Gateway(config, admin_url, as_json).ask("GET", f"requests/{quote(request, safe='')}")
    if as_json:
        say_json(record)
        return
    told = {name: value for name, value in record.items() if value not in (None, "", [])}
    width = max(len(name) for name in told)
    say("\n".join(f"{name.ljust(width)}  {visible(value)}" for name, value in told.items()))


def row(record: dict[str, Any]) -> list[object]:
    """A record as a row of the table."""
    from tollway.cli.values import dollars, when

    tokens = record.get("tokens") or {}
    told = {
        **record,
        "time": when(record["accepted_us"]),
        "ms": f"{record['total_us'] / 1000:.1f}",
        "in": tokens.get("input"),
        "out": tokens.get("output"),
        "cost $": dollars(record.get("cost_nano")),
    }
    return [told.get(name) for name in COLUMNS]
