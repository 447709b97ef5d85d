"""Where the control plane of a configuration is, and its token, whatever else is right or wrong in the file.

A person at a shell has the file, but not the providers' keys that it refers to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tollway.config.check_server import read_admin
from tollway.config.checks import Checks
from tollway.config.diagnose import render
from tollway.config.fields import Address
from tollway.config.load import TOKEN_FILE, parse
from tollway.config.secrets import Secret, SecretError, kept_secret
from tollway.config.validate import validate
from tollway.errors import ConfigError, Diagnostic


@dataclass(frozen=True, slots=True)
class Reach:
    """Where the control plane is, and the token for it, where it can be read."""

    admin: Address
    token: Secret | None = field(default=None)


def reach(path: Path) -> Reach:
    """Read it from the file at `path`. Raises `ConfigError` for a file that cannot be read or is not TOML."""
    document = parse(path)
    if isinstance(document, Diagnostic):
        raise ConfigError([document], render([document]))
    config, working, _ = validate(document)
    checks = Checks(document, config, working, path.parent)
    read_admin(checks)
    token = checks.resolved.admin_token
    if config.admin.token is None:
        token = _kept(checks.resolved.store_folder / TOKEN_FILE)
    return Reach(config.server.admin, token)


def _kept(file: Path) -> Secret | None:
    try:
        return kept_secret(file, create=False) if file.exists() else None
    except SecretError:
        return None
