"""The command line. Exit codes: 0 ok, 1 failed, 2 bad input.

One file for each command or group of commands. What a command needs is imported when it runs: a gateway that starts
should not wait for, or keep in memory, what only another command uses.
"""

from __future__ import annotations

import typer

from tollway.cli import audit, checking, doctor, explain, keys, requests, serve, tail, usage

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
app.add_typer(requests.app, name="requests")
app.add_typer(audit.app, name="audit")


def main() -> None:
    """Run the program."""
    app()
