"""Checks of `[store]` that need a look outside the file. They write nothing: what they cannot know, the start tells."""

from __future__ import annotations

import os
from pathlib import Path as FilePath

from tollway.config.checks import Checks
from tollway.config.secrets import Secret
from tollway.config.shape import Path

_URL: Path = ("store", "url")
_JOURNAL: Path = ("store", "journal")


def check_store(checks: Checks, url: Secret) -> None:
    """Settle where the store and the journal are, and check that both can be written there."""
    text = url.reveal()
    if text.startswith("sqlite:"):
        place = FilePath(text.removeprefix("sqlite:").removeprefix("//"))
        file = _absolute(checks, place)
        checks.resolved.store_folder = file.parent
        checks.resolved.store_url = Secret(f"sqlite:{file}")
        _check_database(checks, file, place)
    else:
        checks.resolved.store_url = url
    place = FilePath(checks.config.store.journal)
    checks.resolved.journal = _absolute(checks, place)
    _check_journal(checks, checks.resolved.journal, place)


def _absolute(checks: Checks, place: FilePath) -> FilePath:
    # Not `resolve`: a symbolic link that is moved later is meant to be followed then.
    path = os.path.normpath((checks.base / place).absolute())
    return FilePath("/" + path.lstrip("/"))


def _check_database(checks: Checks, file: FilePath, place: FilePath) -> None:
    if file.is_dir():
        _unusable(checks, _URL, f"`{place}` is a folder", "give the path of a file")
    elif not file.parent.is_dir():
        _unusable(checks, _URL, f"there is no folder `{place.parent}`", f"make it: mkdir -p {place.parent}")
    elif not _writable(file if file.exists() else file.parent) or not _writable(file.parent):
        # SQLite makes files of its own beside the database.
        _unusable(
            checks, _URL, f"`{place}` cannot be written", "make the file and its folder writable, or give another"
        )


def _check_journal(checks: Checks, folder: FilePath, place: FilePath) -> None:
    if folder.exists() and not folder.is_dir():
        _unusable(checks, _JOURNAL, f"`{place}` is not a folder", "give a folder of the journal's own")
    elif not folder.parent.is_dir():
        _unusable(checks, _JOURNAL, f"there is no folder `{place.parent}`", f"make it: mkdir -p {place.parent}")
    elif not _writable(folder if folder.exists() else folder.parent):
        _unusable(checks, _JOURNAL, f"the folder `{place}` cannot be written", "make it writable, or give another")


def _writable(path: FilePath) -> bool:
    needed = os.W_OK | os.R_OK | (os.X_OK if path.is_dir() else 0)
    return os.access(path, needed, effective_ids=os.access in os.supports_effective_ids)


def _unusable(checks: Checks, path: Path, message: str, hint: str) -> None:
    checks.error("unusable-path", path, message, hint)
