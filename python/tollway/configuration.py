"""The configuration of a running gateway: read at the start, and read anew by each reload."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tollway.child import Access
from tollway.config.api import build, build_loaded, default_config
from tollway.watch import FileWatch

if TYPE_CHECKING:
    from tollway.adapter import Declared
    from tollway.config.api import Address, Built, Defaults
    from tollway.policy.load import HookRegistry


_STORED = {"fsync_ms": "fsync", "retain_requests_days": "retention", "retain_rollups_days": "retention"}
"""The settings of the store that the file names otherwise than the snapshot does."""


class Configuration:
    """Where the configuration comes from: a file, or the defaults where there is none.

    `listen` and `admin` are what the command line says instead of the configuration, if anything.
    """

    def __init__(self, path: Path | None, listen: Address | None = None, admin: Address | None = None) -> None:
        self.path = path
        self.defaults: Defaults | None = default_config(_passing_folder()) if path is None else None
        self.hooks: HookRegistry | None = None
        self._listen = listen
        self._admin = admin
        self._watch = FileWatch([path] if path else [])

    def build(self) -> Built:
        """Read and compile it. Raises `ConfigError` or `HookError`, and then what was built before still holds."""
        if self.path is not None:
            self._watch.reset(self._watch.paths)
            built = build(self.path, resolve_hook=self._resolve, resolve_adapter=self._adapter)
            self._watch.replace(built.watch)
        elif self.defaults is not None:
            built = build_loaded(self.defaults.loaded, resolve_hook=self._resolve)
        else:
            raise AssertionError("without a file there are the defaults")
        return replace(built, listen=self._listen or built.listen, admin=self._admin or built.admin)

    def changed(self) -> bool:
        """Whether one of the files that it was built from has changed since the last time."""
        return self._watch.changed()

    def _resolve(self, call: str) -> tuple[int, bool]:
        return self._registry().resolve(call)

    def _adapter(self, call: str) -> Declared:
        return self._registry().adapter(call)

    def _registry(self) -> HookRegistry:
        if self.hooks is None:
            # Imported with the first hook: most gateways have none, and are spared its time and memory.
            from tollway.policy.load import HookRegistry  # noqa: PLC0415

            self.hooks = HookRegistry()
            if self.path is not None:
                self.hooks.add_folder(self.path.parent)
        return self.hooks


def access(built: Built) -> Access:
    """Who may use the control plane, what it exports, whom it tells of alerts, and which credentials it keeps."""
    token = built.admin_token.reveal()
    told = (built.telemetry, built.provider_places, built.alerts, built.credentials)
    return Access(token, built.metrics_open, built.origins, *told)


def needs_restart(before: Built, now: Built) -> list[str]:
    """The settings that differ and that a reload does not change."""
    names = ("listen", "admin", "workers", "hook_threads")
    changed = [f"server.{name}" for name in names if getattr(before, name) != getattr(now, name)]
    old, new = before.store or {}, now.store or {}
    stored = [_STORED.get(name, name) for name in new if old.get(name) != new[name]]
    return changed + [f"store.{name}" for name in dict.fromkeys(stored)]


def _passing_folder() -> Path:
    """A folder for the records of a gateway without a configuration: it goes when the process does."""
    folder = Path(tempfile.mkdtemp(prefix="tollway-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
