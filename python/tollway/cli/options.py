"""The options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="The configuration; ./tollway.toml if there is one.")
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--admin-url",
        envvar="TOLLWAY_ADMIN_URL",
        help="Where the admin API is; the configuration's `server.admin` if not given.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]
FromOption = Annotated[
    str | None, typer.Option("--from", help="Since then: 2026-11-01, 2026-11-01T12:00:00Z, or 24h for a day ago.")
]
ToOption = Annotated[str | None, typer.Option("--to", help="Until then, likewise; now if not given.")]
FilterOption = Annotated[
    list[str] | None, typer.Option("--filter", "-f", help="FIELD=VALUE, also FIELD.gte= and FIELD.lte=. Repeatable.")
]
