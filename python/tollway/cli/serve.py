"""`tollway serve`, where its line needs a parser."""
# ruff: noqa: PLC0415 - see the package's docstring

from __future__ import annotations

from typing import Annotated

import typer

from tollway.cli.options import ConfigOption


def serve(
    config: ConfigOption = None,
    listen: Annotated[str | None, typer.Option(help="HOST:PORT of the data plane, over the file's.")] = None,
    admin: Annotated[str | None, typer.Option(help="HOST:PORT of the control plane, over the file's.")] = None,
) -> None:
    """Serve. Without a configuration: on loopback, with the bundled mock provider and a key that is shown once."""
    from tollway.cli.serving import run

    raise typer.Exit(run(None if config is None else str(config), listen, admin))
