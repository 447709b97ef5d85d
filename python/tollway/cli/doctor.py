"""`tollway doctor`: what could keep a gateway from working here, and what to do about it."""
# ruff: noqa: PLC0415 - see the package's docstring

from __future__ import annotations

import json
from typing import Annotated

import typer

from tollway.cli.options import ConfigOption, JsonOption, UrlOption
from tollway.cli.output import FAILED, GREEN, RED, YELLOW, paint, say, visible


def doctor(
    online: Annotated[bool, typer.Option("--online", help="Also connect to the providers: TCP and TLS alone.")] = False,
    config: ConfigOption = None,
    admin_url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check this machine, the configuration, the gateway and its store. Exit code 1 if something fails."""
    from tollway.cli.checkup import examine

    found = examine(config, admin_url, online)
    failed = any(one.state == "fail" for one in found)
    if as_json:
        say(json.dumps({"ok": not failed, "checks": [one.to_json() for one in found]}, indent=2))
    else:
        for one in found:
            color = {"ok": GREEN, "warn": YELLOW, "fail": RED}[one.state]
            say(f"{paint(one.state.ljust(4), color)}  {one.name.ljust(16)}{visible(one.said)}")
            if one.todo:
                say(f"{'':22}{visible(one.todo)}")
    if failed:
        raise typer.Exit(FAILED)
