"""Where each setting of a route that is in force was made: a line of the file, or a default."""

from __future__ import annotations

from collections.abc import Iterator

from tollway.config.compile_routes import served_targets
from tollway.config.document import Document
from tollway.config.load import Loaded
from tollway.config.schema import Config
from tollway.config.shape import Path

DEFAULT = "default"

_OF_TARGETS = {
    "provider": "provider",
    "model": "model",
    "timeout_ms": "timeout",
    "first_token_ms": "first_token",
    "idle_ms": "idle",
    "max_retries": "max_retries",
}
"""The settings of a target as the admin API names them, and as the file does."""


def route_origins(loaded: Loaded) -> dict[str, dict[str, str]]:
    """For each route, for each setting (`strategy`, `targets[0].timeout_ms`, …): `FILE:LINE`, or `default`."""
    document = loaded.document
    config = loaded.config
    if document is None:
        return {name: dict.fromkeys(_names(name, config), DEFAULT) for name in config.routes}
    return {name: dict(_origins(document, name, config)) for name in config.routes}


def _names(name: str, config: Config) -> Iterator[str]:
    yield from ("strategy", "hooks", "guarded")
    for number, _ in enumerate(served_targets(name, config)):
        yield from (f"targets[{number}].{setting}" for setting in _OF_TARGETS)


def _origins(document: Document, name: str, config: Config) -> Iterator[tuple[str, str]]:
    path: Path = ("routes", name)
    yield "strategy", _place(document, (*path, "strategy"))
    yield "hooks", _place(document, (*path, "hooks"))
    yield "guarded", _place(document, (*path, "guardrails"))
    for number, (place, said_by, _) in enumerate(served_targets(name, config)):
        path = ("routes", said_by)
        for setting, key in _OF_TARGETS.items():
            # What a target does not say, its route says; without a first_token, the timeout is the bound.
            sought = [(*place, key), (*path, key)]
            if key == "first_token":
                sought += [(*place, "timeout"), (*path, "timeout")]
            yield f"targets[{number}].{setting}", _place(document, *sought)


def _place(document: Document, *paths: Path) -> str:
    found = next((path for path in paths if document.has(path)), None)
    return DEFAULT if found is None else f"{document.file}:{document.line(found)}"
