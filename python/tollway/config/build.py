"""What start and reload need, in one step: the snapshot, the listeners and the control plane's settings."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tollway._dataplane import hash_key
from tollway.config.checks import Resolved, ResolveHook
from tollway.config.fields import Address
from tollway.config.load import Loaded, load
from tollway.config.schema import Config
from tollway.config.secrets import Secret, new_key
from tollway.config.snapshot import compile_snapshot
from tollway.errors import Diagnostic


@dataclass(frozen=True, slots=True)
class Built:
    """A configuration ready to serve. `drain` is in seconds; `watch` are the files whose change should reload.

    `admin_token_file` is where a token that was not configured has been made.
    """

    snapshot: bytes = field(repr=False)
    config: Config
    listen: Address
    admin: Address
    workers: int
    hook_threads: int
    drain: float
    admin_token: Secret
    admin_token_file: Path | None
    metrics_open: bool
    warnings: tuple[Diagnostic, ...]
    watch: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What is served without a configuration; the token and the key are to be shown once."""

    loaded: Loaded
    admin_token: Secret
    key: Secret


def build(path: Path, *, resolve_hook: ResolveHook) -> Built:
    """Load the file at `path` and compile it. Raises `ConfigError` with every mistake that was found."""
    # Checked and compiled in turn: the same function must have the same id in both, and be imported once.
    once: Callable[[str], tuple[int, bool]] = cache(resolve_hook)
    return build_loaded(load(path, resolve_hook=once), resolve_hook=once)


def build_loaded(loaded: Loaded, *, resolve_hook: ResolveHook) -> Built:
    """Compile what is loaded already. Raises `HookError` for a hook that cannot be used."""
    config, resolved = loaded.config, loaded.resolved
    return Built(
        snapshot=compile_snapshot(config, resolved, resolve_hook=resolve_hook),
        config=config,
        listen=config.server.listen,
        admin=config.server.admin,
        workers=config.server.workers,
        hook_threads=config.server.hook_threads,
        drain=config.server.drain / 1000,
        admin_token=resolved.admin_token or Secret(secrets.token_hex(32)),
        admin_token_file=resolved.admin_token_file,
        metrics_open=config.admin.metrics == "open",
        warnings=loaded.warnings,
        watch=tuple(sorted(resolved.watch)),
    )


def default_config() -> Defaults:
    """What `tollway serve` serves without a file: loopback, the bundled mock, a new admin token and a new key.

    Nothing is written to disk: the key and the token end with the process.
    """
    key, token, server_secret = new_key(), Secret(secrets.token_hex(32)), Secret(secrets.token_hex(32))
    digest = hash_key(server_secret.reveal().encode(), key.reveal().encode())
    config = Config.model_validate(
        {
            "providers": {"mock": {"type": "mock"}},
            "routes": {"mock": {"provider": "mock", "model": "mock"}},
            "keys": {"first": {"hash": digest}},
        }
    )
    resolved = Resolved(server_secret=server_secret, admin_token=token, key_hashes={"first": digest})
    return Defaults(Loaded(None, config, resolved), token, key)
