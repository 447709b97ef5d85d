"""The shape of the schema, for walking the file's own values: which keys a table has, and how each is marked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from tollway.config.fields import Hidden, NotYet, Settings

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


def closest(word: str, words: Iterable[str], likeness: float = 0.6) -> str | None:
    """The one of `words` that `word` was probably meant to be; `likeness` is difflib's ratio."""
    folded = {candidate.lower().replace("-", "_"): candidate for candidate in words}
    found = get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=likeness)
    return folded[found[0]] if found else None


def suggestion(word: str, words: tuple[str, ...] | list[str]) -> str:
    """What to write instead of `word`: the closest of `words`, or a list of them."""
    meant = closest(word, words)
    if meant is not None and meant != word:
        return f'did you mean "{meant}"?'
    listed = sorted(words) if len(words) <= 24 else [*sorted(words)[:24], "…"]
    return f"one of: {', '.join(listed)}" if words else "none is declared"


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
