"""What start and reload need, in one step: the snapshot, the listeners and the control plane's settings."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tollway._dataplane import hash_key
from tollway.adapter import Declared
from tollway.config.check_alerts import compile_alerts
from tollway.config.check_telemetry import compile_telemetry, provider_places
from tollway.config.checks import ResolveAdapter, Resolved, ResolveHook
from tollway.config.credentials import compile_credentials
from tollway.config.fields import Address
from tollway.config.load import Loaded, load
from tollway.config.origin import route_origins
from tollway.config.schema import Config, config_of
from tollway.config.secrets import Secret, new_key
from tollway.config.snapshot import compile_snapshot, compile_store
from tollway.errors import Diagnostic


@dataclass(frozen=True, slots=True)
class Built:
    """A configuration ready to serve. `drain` is in seconds; `watch` are the files whose change should reload.

    `admin_token_file` is where a token that was not configured has been made. `store` is that part of the snapshot;
    `origins` says where each setting of each route was made. `telemetry` is what the control plane needs for exporting,
    `alerts` for delivering them, `credentials` for
    fetching those of providers, each `None` where nothing is; `provider_places` is what telemetry tells of each
    provider: its type, host and port.
    """

    snapshot: bytes = field(repr=False)
    store: dict[str, Any] | None = field(repr=False)
    origins: dict[str, dict[str, str]] = field(repr=False)
    telemetry: dict[str, Any] | None = field(repr=False)
    alerts: dict[str, Any] | None = field(repr=False)
    credentials: dict[str, Any] | None = field(repr=False)
    provider_places: dict[str, tuple[str, str | None, int | None]] = field(repr=False)
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


def unresolved(_call: str) -> Declared:
    """Stands for any adapter, where nothing is served and an operator's modules are not imported."""
    return Declared(0)


def build(
    path: Path,
    *,
    resolve_hook: ResolveHook,
    resolve_adapter: ResolveAdapter = unresolved,
    create_secrets: bool = True,
) -> Built:
    """Load the file at `path` and compile it. Raises `ConfigError` with every mistake that was found.

    Without `create_secrets`, a secret that was not configured, and that no file holds, lives in memory.
    """
    # Checked and compiled in turn: the same function must have the same id in both, and be imported once.
    once: Callable[[str], tuple[int, bool]] = cache(resolve_hook)
    loaded = load(path, resolve_hook=once, resolve_adapter=resolve_adapter, create_secrets=create_secrets)
    return build_loaded(loaded, resolve_hook=once, resolve_adapter=resolve_adapter)


def build_loaded(loaded: Loaded, *, resolve_hook: ResolveHook, resolve_adapter: ResolveAdapter = unresolved) -> Built:
    """Compile what is loaded already. Raises `HookError` for a hook or an adapter that cannot be used."""
    config, resolved = loaded.config, loaded.resolved
    return Built(
        snapshot=compile_snapshot(config, resolved, resolve_hook=resolve_hook, resolve_adapter=resolve_adapter),
        store=compile_store(config, resolved),
        origins=route_origins(loaded),
        telemetry=compile_telemetry(config, resolved),
        alerts=compile_alerts(config, resolved),
        credentials=compile_credentials(resolved.provider_auth),
        provider_places=provider_places(config),
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


def default_config(folder: Path | None = None) -> Defaults:
    """What `tollway serve` serves without a file: loopback, the bundled mock, a new admin token and a new key.

    The key and the token are not written to disk, and end with the process. Records are kept in `folder`, an absolute
    path, if there is one.
    """
    key, token, server_secret = new_key(), Secret(secrets.token_hex(32)), Secret(secrets.token_hex(32))
    digest = hash_key(server_secret.reveal().encode(), key.reveal().encode())
    config = config_of(frozenset()).model_validate(
        {
            "providers": {"mock": {"type": "mock"}},
            "routes": {"mock": {"provider": "mock", "model": "mock"}},
            "keys": {"first": {"hash": digest}},
            "store": {"journal_max": "256MiB"},
        }
    )
    resolved = Resolved(server_secret=server_secret, admin_token=token, key_hashes={"first": digest})
    if folder is not None:
        resolved.store_url, resolved.journal = Secret(f"sqlite:{folder / 'tollway.db'}"), folder / "journal"
    return Defaults(Loaded(None, config, resolved), token, key)
