"""The shape of the schema, for walking the file's own values: which keys a table has, and how each is marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from tollway.config.fields import Hidden, NotYet, Settings
from tollway.config.schema import Config

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Shape:
    """What one place of the file may hold.

    `fields` are the keys of a table, `inner` is the shape of an array's or a map's entries, `variants` are the tables
    among which `type` chooses, `choices` are the words of an enumeration.
    """

    kind: Literal["value", "table", "array", "map", "variants"]
    fields: dict[str, Shape] = field(default_factory=dict)
    inner: Shape | None = None
    variants: dict[str, Shape] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    hidden: bool = False
    not_yet: bool = False

    def entry(self, key: str | int, value: object) -> Shape | None:
        """The shape below `key`, in a place whose value is `value`; `None` if there can be none."""
        if self.kind == "variants":
            chosen = self.variants.get(str(value.get("type"))) if isinstance(value, dict) else None
            if chosen is None:
                return Shape("value") if key == "type" else None
            return chosen.entry(key, value)
        if self.kind == "table":
            return self.fields.get(str(key))
        return self.inner

    def names(self, value: object) -> tuple[str, ...]:
        """The keys that a table with the value `value` may have."""
        if self.kind == "variants":
            chosen = self.variants.get(str(value.get("type"))) if isinstance(value, dict) else None
            return tuple(chosen.fields) if chosen else ("type",)
        return tuple(self.fields)


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


def closest(word: str, words: Iterable[str], likeness: float = 0.6) -> str | None:
    """The one of `words` that `word` was probably meant to be; `likeness` is difflib's ratio."""
    folded = {candidate.lower().replace("-", "_"): candidate for candidate in words}
    found = get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=likeness)
    return folded[found[0]] if found else None


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


@cache
def table(model: type[Settings]) -> Shape:
    """The shape of a table whose model is `model`."""
    shape = Shape("table")
    for name, info in model.model_fields.items():
        below = _field(info)
        for key in _keys(name, info):
            shape.fields[key] = below
    return shape


def _keys(name: str, info: FieldInfo) -> list[str]:
    if isinstance(info.validation_alias, AliasChoices):
        return [choice for choice in info.validation_alias.choices if isinstance(choice, str)]
    return [name]


def _field(info: FieldInfo) -> Shape:
    if info.discriminator is not None:
        models = get_args(info.annotation)
        return Shape("variants", variants={get_args(m.model_fields["type"].annotation)[0]: table(m) for m in models})
    shape = _annotation(info.annotation)
    shape.hidden = shape.hidden or any(isinstance(mark, Hidden) for mark in info.metadata)
    shape.not_yet = any(isinstance(mark, NotYet) for mark in info.metadata)
    return shape


def _annotation(annotation: Any) -> Shape:  # noqa: ANN401 - what stands in an annotation has no type
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        # A FieldInfo reads the whole list of marks, also those that pydantic knows nothing of.
        return _field(FieldInfo.from_annotation(annotation))
    if origin in (Union, UnionType):
        return _annotation(next(arg for arg in args if arg is not NoneType))
    if origin in (tuple, dict):
        kind: Literal["array", "map"] = "array" if origin is tuple else "map"
        return Shape(kind, inner=_annotation(args[0 if origin is tuple else 1]))
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return Shape("table", fields=table(annotation).fields)
    return Shape("value", choices=args if origin is Literal else ())
