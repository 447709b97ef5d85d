"""What `tollway serve` does."""

from __future__ import annotations

from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from tollway import logs
from tollway.cli.file import file_of
from tollway.cli.output import BAD_INPUT, FAILED, fail, say
from tollway.config.fields import Listen
from tollway.configuration import Configuration
from tollway.errors import ConfigError, TollwayError
from tollway.listeners import Inheritance
from tollway.supervisor import Supervisor

if TYPE_CHECKING:
    from tollway.config.api import Address, Defaults


def run(config: str | None = None, listen: str | None = None, admin: str | None = None) -> int:
    """Serve until a signal ends it, by these options of the command line. Returns the exit code."""
    logs.configure()
    inheritance = Inheritance()
    try:
        inheritance = Inheritance.take()
        file = file_of(Path(config) if config is not None else None)
        configuration = Configuration(file, _address("--listen", listen), _address("--admin", admin))
        supervisor = Supervisor(configuration, inheritance, installed("tollway"))
    except TollwayError as error:
        inheritance.tell(str(error))
        fail(str(error).rstrip(), BAD_INPUT if isinstance(error, ConfigError) else FAILED)
    if configuration.defaults is not None:
        _show_first_steps(configuration.defaults, supervisor)
    return supervisor.run(say)


def _address(option: str, text: str | None) -> Address | None:
    if text is None:
        return None
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
