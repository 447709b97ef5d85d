"""The shape of the whole file, and what it says of the file's values."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from tollway.config.schema import Config
from tollway.config.shape import Path, Shape, closest, table


@cache
def root() -> Shape:
    """The shape of the whole file."""
    return table(Config)


@cache
def hidden_names() -> frozenset[str]:
    """The keys that hold a secret in any table."""

    def gather(shape: Shape | None) -> Iterator[str]:
        if shape is not None:
            yield from (key for key, below in shape.fields.items() if _hides(below))
            for below in (shape.inner, *shape.fields.values(), *shape.variants.values()):
                yield from gather(below)

    return frozenset(gather(root()))


def _hides(shape: Shape | None) -> bool:
    return shape is not None and (shape.hidden or _hides(shape.inner))


def at(path: Path, values: object) -> tuple[Shape | None, object]:
    """The shape and the value at `path` of a file with `values`."""
    shape: Shape | None = root()
    for key in path:
        shape = shape.entry(key, values) if shape else None
        try:
            values = values[key]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            values = None
    return shape, values


def marked(values: object) -> Iterator[Path]:
    """The paths of all settings in `values` that this version accepts and does not enforce."""
    yield from _marked(values, root(), ())


def _marked(value: object, shape: Shape, path: Path) -> Iterator[Path]:
    if path and shape.not_yet:
        yield path
    elif shape.kind != "value":
        for key, entry in _entries(value):
            below = shape.entry(key, value)
            if below is not None:
                yield from _marked(entry, below, (*path, key))


def concealed(values: object) -> Iterator[Path]:
    """The paths of all values in `values` that may be secrets: the marked, and those that stand where none belongs."""
    yield from _concealed(values, root(), ())


def _concealed(value: object, shape: Shape | None, path: Path) -> Iterator[Path]:
    entries = _entries(value)
    if entries or isinstance(value, dict | list):
        for key, entry in entries:
            yield from _concealed(entry, _below(shape, key, value), (*path, key))
    elif shape is None or shape.kind != "value":
        names = shape is not None and shape.inner is not None and shape.inner.kind == "value" and not shape.inner.hidden
        if not names and (isinstance(value, str) or len(str(value)) >= 8):
            yield path
    elif shape.hidden:
        yield path


def _below(shape: Shape | None, key: str | int, value: object) -> Shape | None:
    if shape is None:
        return None
    below = shape.entry(key, value)
    if below is None and isinstance(key, str) and key not in hidden_names():
        # A slip of the pen need not hide a harmless value; `token` is no slip for `first_token`.
        meant = closest(key, shape.names(value), 0.8)
        return shape.entry(meant, value) if meant else None
    return below


def _entries(value: object) -> list[tuple[str | int, object]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []
