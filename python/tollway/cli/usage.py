"""`tollway usage`: what was used, by whom, over time."""
# ruff: noqa: PLC0415 - see the package's docstring

from __future__ import annotations

import csv
import io
from typing import Annotated, Any

import typer

from tollway.cli.options import ConfigOption, FilterOption, FromOption, JsonOption, ToOption, UrlOption
from tollway.cli.output import fail, note, say, say_json, table

SUMS = ("requests", "errors", "input", "cache_read", "cache_write", "output", "reasoning")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes a cell for a formula by; callers choose the names of users, agents and tags."""


def usage(
    by: Annotated[
        str | None, typer.Option(help="Two of team, project, environment, key, route, model, provider; or user; …")
    ] = None,
    per: Annotated[str | None, typer.Option(help="hour, day or month.")] = None,
    since: FromOption = None,
    to: ToOption = None,
    filters: FilterOption = None,
    limit: Annotated[int, typer.Option(help="Most rows; 0 for all.")] = 1000,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
    config: ConfigOption = None,
    admin_url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what was used: requests, tokens, cost. Of the last 30 days, if no time is given."""
    from tollway.cli.reach import Gateway
    from tollway.cli.values import moment, pairs

    if as_csv and as_json:
        fail("give --json or --csv")
    sought = pairs(filters, "--filter")
    query: dict[str, Any] = {"by": by, "per": per, "from": moment(since, "--from"), "to": moment(to, "--to")}
    if sought.keys() & {*query, "limit", "after"}:
        fail("--filter: by, per, from, to and limit have options of their own")
    gateway = Gateway(config, admin_url, as_json)
    rows: list[dict[str, Any]] = []
    query |= sought
    while True:
        page = gateway.ask("GET", "usage", query={**query, "limit": min(1000, limit - len(rows)) if limit else 1000})
        rows += page["data"]
        query["after"] = page["next"]
        if page["next"] is None or (limit and len(rows) >= limit):
            break
    dimensions = by.split(",") if by else []
    if as_json:
        say_json({"data": rows, "next": query["after"]})
    elif as_csv:
        say(_csv(rows, dimensions, per is not None))
    else:
        say(_table(rows, dimensions, per))
        if query["after"] is not None:
            note("There is more: --limit 0 shows all.")


def _csv(rows: list[dict[str, Any]], dimensions: list[str], timed: bool) -> str:
    last = ("cost_nano", "unpriced", "duration_us_sum", "first_token_us_sum", "first_token_count")
    headers = [*(["start_us"] if timed else []), *dimensions, *SUMS, *last]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(headers)
    writer.writerows([_cell(row.get(header)) for header in headers] for row in rows)
    return out.getvalue().rstrip("\n")


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def _table(rows: list[dict[str, Any]], dimensions: list[str], per: str | None) -> str:
    from tollway.cli.values import dollars, when

    length = {"hour": 16, "day": 10, "month": 7}.get(per or "", 0)
    headers = [*(["start"] if per else []), *dimensions, *SUMS, "cost $", "unpriced", "ms", "first token ms"]
    lines = []
    for row in rows:
        start = [(when(row["start_us"]) or "")[:length]] if per else []
        mean = _mean(row["duration_us_sum"], row["requests"])
        first = _mean(row["first_token_us_sum"], row["first_token_count"])
        named = [row.get(name) for name in dimensions]
        sums = [row[name] for name in SUMS]
        lines.append([*start, *named, *sums, dollars(row["cost_nano"]), row["unpriced"], mean, first])
    return table(headers, lines, headers[len(dimensions) + bool(per) :])


def _mean(total_us: int, count: int) -> str | None:
    return f"{total_us / count / 1000:.1f}" if count else None
