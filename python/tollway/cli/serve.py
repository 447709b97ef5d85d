"""`tollway serve`."""
# ruff: noqa: PLC0415 - see the package's docstring

from __future__ import annotations

from importlib.metadata import version as installed
from typing import TYPE_CHECKING, Annotated

import typer

from tollway.cli.options import ConfigOption, file_of
from tollway.cli.output import BAD_INPUT, FAILED, fail, say

if TYPE_CHECKING:
    from tollway.config.api import Address, Defaults
    from tollway.supervisor import Supervisor


def serve(
    config: ConfigOption = None,
    listen: Annotated[str | None, typer.Option(help="HOST:PORT of the data plane, over the file's.")] = None,
    admin: Annotated[str | None, typer.Option(help="HOST:PORT of the control plane, over the file's.")] = None,
) -> None:
    """Serve. Without a configuration: on loopback, with the bundled mock provider and a key that is shown once."""
    from tollway import logs
    from tollway.configuration import Configuration
    from tollway.errors import ConfigError, TollwayError
    from tollway.listeners import Inheritance
    from tollway.supervisor import Supervisor

    logs.configure()
    inheritance = Inheritance()
    try:
        inheritance = Inheritance.take()
        configuration = Configuration(file_of(config), _address("--listen", listen), _address("--admin", admin))
        supervisor = Supervisor(configuration, inheritance, installed("tollway"))
    except TollwayError as error:
        inheritance.tell(str(error))
        fail(str(error).rstrip(), BAD_INPUT if isinstance(error, ConfigError) else FAILED)
    if configuration.defaults is not None:
        _show_first_steps(configuration.defaults, supervisor)
    raise typer.Exit(supervisor.run(say))


def _address(option: str, text: str | None) -> Address | None:
    if text is None:
        return None
    from pydantic import TypeAdapter, ValidationError

    from tollway.config.fields import Listen

    try:
        address: Address = TypeAdapter(Listen).validate_python(text)
    except ValidationError as error:
        fail(f"{option}: {error.errors()[0]['msg']}")
    return address


def _show_first_steps(defaults: Defaults, supervisor: Supervisor) -> None:
    key = defaults.key.reveal()
    say(
        "No configuration: serving the bundled mock provider. These are shown once, and end with this process.\n"
        f"  admin token  {defaults.admin_token.reveal()}\n"
        f"  virtual key  {key}\n"
        "Try:\n"
        f"  curl {supervisor.data_url}/v1/chat/completions -H 'authorization: Bearer {key}' "
        "-H 'content-type: application/json' "
        """-d '{"model":"mock","messages":[{"role":"user","content":"Hello"}]}'"""
    )
