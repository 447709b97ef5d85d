"""The configuration that a command is about."""

from __future__ import annotations

from pathlib import Path

DEFAULT_FILE = Path("tollway.toml")


def file_of(config: Path | None) -> Path | None:
    """The configuration that is meant, if there is one."""
    if config is not None:
        return config
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None
