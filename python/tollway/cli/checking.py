"""`tollway check`, `tollway schema`, `tollway providers`, `tollway version`."""
# ruff: noqa: PLC0415 - see the package's docstring

from __future__ import annotations

import json
from importlib.metadata import version as installed
from pathlib import Path
from typing import Annotated

import typer

from tollway.cli.file import DEFAULT_FILE
from tollway.cli.options import JsonOption
from tollway.cli.output import BAD_INPUT, colored, say, say_json, table


def check(
    file: Annotated[Path | None, typer.Argument(help="The configuration; ./tollway.toml if not given.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings fail the check.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check a configuration: every mistake with its place, what was written there, and a hint."""
    from tollway.config.api import check as diagnose
    from tollway.config.api import render
    from tollway.policy.load import HookRegistry

    path = file or DEFAULT_FILE
    hooks = HookRegistry()
    hooks.add_folder(path.parent)
    found = diagnose(path, resolve_hook=hooks.resolve, resolve_adapter=hooks.adapter)
    wrong = any(one.severity == "error" for one in found) or (strict and bool(found))
    if as_json:
        say(json.dumps({"ok": not wrong, "diagnostics": [one.to_json() for one in found]}))
    else:
        say(render(found, colored()).rstrip() if wrong else f"{render(found, colored())}{path}: ok")
    raise typer.Exit(BAD_INPUT if wrong else 0)


def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from tollway.config.api import json_schema

    say(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def providers(as_json: JsonOption = False) -> None:
    """List the providers that a configuration can name as `type`: what each speaks, where it is, what it minds."""
    from tollway.providers.contract import providers as bundled

    if as_json:
        say_json([{"type": name, **one.told()} for name, one in bundled().items()])
        return
    rows = ((name, list(one.dialects), one.address, one.evidence) for name, one in bundled().items())
    say(table(("type", "speaks", "base_url", "evidence"), rows))


def version(as_json: JsonOption = False) -> None:
    """Print the version."""
    number = installed("tollway")
    say(json.dumps({"version": number}) if as_json else f"tollway {number}")
