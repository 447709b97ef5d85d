"""Every command, read by typer."""

from __future__ import annotations

import typer

from tollway.cli import alerts, audit, checking, doctor, explain, keys, requests, serve, tail, usage

app = typer.Typer(
    name="tollway",
    help="Tollway, an AI gateway: the fast, metered, guarded road between applications and models.",
    no_args_is_help=True,
    # Its tracebacks show local variables, which may hold secrets.
    pretty_exceptions_enable=False,
)
app.command()(serve.serve)
app.command()(checking.check)
app.command()(checking.schema)
app.command()(checking.providers)
app.command()(checking.version)
app.command()(explain.explain)
app.command()(doctor.doctor)
app.add_typer(keys.app, name="keys")
app.command()(usage.usage)
app.command()(tail.tail)
app.command()(alerts.alerts)
app.add_typer(requests.app, name="requests")
app.add_typer(audit.app, name="audit")
