"""The command line. Exit codes: 0 ok, 1 failed, 2 bad input.

One file for each command or group of commands. What a command needs is imported when it runs: a gateway that starts
should not wait for, or keep in memory, what only another command uses; nor what reads any command line but its own.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SERVE = {"--config": "config", "-c": "config", "--listen": "listen", "--admin": "admin"}


def main() -> None:
    """Run the program."""
    options = plain(sys.argv[1:])
    if options is None:
        from tollway.cli.app import app  # noqa: PLC0415 - see above: 3 MB that a gateway would keep

        app()
    else:
        from tollway.cli.serving import run  # noqa: PLC0415 - other commands do without

        try:
            sys.exit(run(**options))
        except KeyboardInterrupt:  # before the supervisor had taken the signals over
            sys.exit(128 + signal.SIGINT)


def plain(arguments: Sequence[str]) -> dict[str, str] | None:
    """The options of a `serve` that leaves no doubt; `None` for all else, also help and mistakes, which `app` reads."""
    command, *rest = arguments or [""]
    if command != "serve" or len(rest) % 2 or not _SERVE.keys() >= set(rest[::2]):
        return None
    if any(not value or value.startswith("-") for value in rest[1::2]):
        return None
    return {_SERVE[option]: value for option, value in zip(rest[::2], rest[1::2], strict=True)}
