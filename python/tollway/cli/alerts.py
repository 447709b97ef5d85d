"""`tollway alerts`: what is wrong, or was."""
# ruff: noqa: PLC0415 - see the package's docstring

from __future__ import annotations

from typing import Annotated

import typer

from tollway.cli.options import ConfigOption, JsonOption, UrlOption
from tollway.cli.output import fail, note, say, say_json, table

COLUMNS = ("last_at", "state", "severity", "kind", "subject", "count", "message")


def alerts(
    state: Annotated[str | None, typer.Option(help="firing or resolved; both if not given.")] = None,
    kind: Annotated[str | None, typer.Option(help="dead_key, quota_exhausted, breaker_open, …")] = None,
    test: Annotated[bool, typer.Option("--test", help="Post a test alert to each webhook instead.")] = False,
    config: ConfigOption = None,
    admin_url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is wrong, or was a while ago. With --test, see whether webhooks can be reached."""
    from tollway.cli.reach import Gateway

    gateway = Gateway(config, admin_url, as_json)
    if test:
        tested = gateway.ask_running("alerts", "POST", "alerts/test")
        columns: tuple[str, ...] = ("webhook", "outcome", "detail")
    else:
        tested = gateway.ask_running("alerts", "GET", "alerts", {"state": state, "kind": kind})
        columns = COLUMNS
    if as_json:
        say_json(tested)
    elif tested["data"]:
        say(table(columns, [[one[column] for column in columns] for one in tested["data"]], ("count",)))
    else:
        note("No webhook is configured." if test else "No alerts.")
    if test and any(one["outcome"] != "delivered" for one in tested["data"]):
        fail("a webhook did not take it")
