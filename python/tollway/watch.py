"""Sees that files change, by asking; inotify would miss network and container mounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

State: TypeAlias = tuple[int, int, int] | None


class FileWatch:
    """Whether any of some files changed: their time, size or inode."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.reset(paths)

    @property
    def paths(self) -> tuple[Path, ...]:
        """What is watched."""
        return tuple(self._known)

    def reset(self, paths: Iterable[Path]) -> None:
        """Watch `paths`, as they are now. Call it before reading them, so that no change falls in between."""
        self._known = {path: _state(path) for path in paths}
        self._pending: dict[Path, State] | None = None

    def replace(self, paths: Iterable[Path]) -> None:
        """Watch exactly `paths`; those that were watched already are still compared with what they were."""
        self._known = {path: self._known[path] if path in self._known else _state(path) for path in paths}

    def changed(self) -> bool:
        """Whether something changed and has been quiet since the last call, so that no half-written file is read."""
        now = {path: _state(path) for path in self._known}
        if now == self._known:
            self._pending = None
            return False
        if now != self._pending:
            self._pending = now
            return False
        self._known, self._pending = now, None
        return True


def _state(path: Path) -> State:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
