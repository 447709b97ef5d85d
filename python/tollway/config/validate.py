"""The file's values against the schema: every mistake as a diagnostic, and a model of whatever was right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tollway.config.document import Document
from tollway.config.schema import Config, config_of
from tollway.config.shape import Path, Shape, closest, suggestion
from tollway.config.whole import at, root
from tollway.errors import Diagnostic

_ROUNDS = 64  # each round removes something; a file nests no deeper than this
_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "an array",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
_WRITTEN = {
    "a string": 'put it into quotes: "…"',
    "an integer": "write it without quotes and without a fraction",
    "a number": "write it without quotes",
    "true or false": "write true or false, without quotes",
    "an array": "put it into brackets: [ … ]",
    "a table": "write it as a table: { … }, or under a header of its own in brackets",
}
_PATTERNS: dict[str | int, str] = {
    "role_arn": 'write it as in "arn:aws:iam::123456789012:role/NAME"',
    "session_name": "use 2 to 64 letters, digits and `+=,.@_-`",
    "impersonate": 'write it as in "NAME@PROJECT.iam.gserviceaccount.com"',
}
_TYPES = "`tollway providers` lists what there is"
# Keys that refer to nothing: without them the rest of their table can be checked all the same.
_FILLERS: dict[str | int, str] = {"base_url": "http://filler.invalid"}


class Working:
    """The file's values without what was wrong, and the way back from their paths to those of the file."""

    def __init__(self, values: dict[str, object]) -> None:
        self.values: Any = _copied(values)
        self._moved: dict[int, list[int]] = {}

    def original(self, path: Path) -> Path:
        """The path in the file of what stands at `path` in these values."""
        if not self._moved:
            return path
        values: object = self.values
        found: list[str | int] = []
        for key in path:
            moved = self._moved.get(id(values))
            found.append(moved[key] if moved is not None and isinstance(key, int) and key < len(moved) else key)
            values = _below(values, key)
        return tuple(found)

    def remove(self, path: Path) -> None:
        """Take out what stands at `path`, if it is still there."""
        holder: object = self.values
        for key in path[:-1]:
            holder = _below(holder, key)
        if isinstance(holder, dict):
            holder.pop(path[-1], None)
        elif isinstance(holder, list) and isinstance(path[-1], int) and path[-1] < len(holder):
            self._moved.setdefault(id(holder), list(range(len(holder)))).pop(path[-1])
            holder.pop(path[-1])

    def fill(self, path: Path, value: str) -> bool:
        """Put `value` where a key is missing, so that the rest of its table can be checked; false if it cannot."""
        holder: object = self.values
        for key in path[:-1]:
            holder = _below(holder, key)
        if not isinstance(holder, dict) or path[-1] in holder:
            return False
        holder[path[-1]] = value
        return True


def _copied(value: object) -> object:
    if isinstance(value, dict):
        return {key: _copied(entry) for key, entry in value.items()}
    return [_copied(entry) for entry in value] if isinstance(value, list) else value


def _below(value: object, key: str | int) -> object:
    if isinstance(value, dict):
        return value.get(key)
    return value[key] if isinstance(value, list) and isinstance(key, int) and key < len(value) else None


def validate(document: Document) -> tuple[Config, Working, list[Diagnostic]]:
    """The configuration that `document` holds, without the parts that are wrong, and a diagnostic for each of those."""
    working = Working(document.values)
    found: list[Diagnostic] = []
    model = config_of(_types(document.values.get("providers")))
    for turn in range(_ROUNDS):
        try:
            return model.model_validate(working.values), working, found
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
        paths = [_path(detail) for detail in details]
        if turn == 0:
            # Later rounds only meet the gaps that the removals of this one have left.
            pairs = zip(details, paths, strict=True)
            found = [_explain(document, detail, path) for detail, path in pairs if not _follows(document, detail, path)]
        _prune(working, details, paths)
    return Config(), working, found


def _types(providers: object) -> frozenset[str]:
    """The types of the providers; an empty one stands for what is none."""
    tables = providers.values() if isinstance(providers, dict) else ()
    kinds = [table.get("type") if isinstance(table, dict) else None for table in tables]
    return frozenset(kind if isinstance(kind, str) else "" for kind in kinds)


def _path(detail: ErrorDetails) -> Path:
    """The file's path of an error: pydantic names the chosen variant and the checked key as well."""
    path = tuple(detail["loc"])
    if path[-1:] == ("[key]",):
        path = path[:-1]
    if len(path) > 2 and path[0] == "providers":
        path = (*path[:2], *path[3:])
        if len(path) > 4 and path[2] == "auth":
            path = (*path[:3], *path[4:])
    return path


def _follows(document: Document, detail: ErrorDetails, path: Path) -> bool:
    """Whether an array is only called empty because each of its entries is wrong, which is told already."""
    return detail["type"] == "too_short" and bool(at(path, document.values)[1])


def _prune(working: Working, details: list[ErrorDetails], paths: list[Path]) -> None:
    doomed = set()
    for detail, path in zip(details, paths, strict=True):
        filler = _FILLERS.get(path[-1]) if detail["type"] == "missing" else None
        if filler is None or not working.fill(path, filler):
            doomed.add(path[:-1] if detail["type"] == "missing" else path)
    # From the end of each array, so that the indexes of what is still to go stay right.
    for path in sorted(doomed, key=lambda path: [str(key).rjust(12, "0") for key in path], reverse=True):
        working.remove(path) if path else working.values.clear()


@dataclass(frozen=True, slots=True)
class Mistake:
    """One error of pydantic's: its kind and context, and the path in the file."""

    document: Document
    path: Path
    kind: str
    context: dict[str, Any]

    @property
    def value(self) -> object:
        """What the file gives there."""
        return at(self.path, self.document.values)[1]

    @property
    def name(self) -> str:
        """How a message names the setting."""
        return label(self.path, setting=True)


def _explain(document: Document, detail: ErrorDetails, path: Path) -> Diagnostic:
    kind, context = detail["type"], detail.get("ctx", {})
    mistake = Mistake(document, path, kind, context)
    if kind in _TOLD_OF_TABLES:
        return _TOLD_OF_TABLES[kind](mistake)
    explain = _TOLD_OF_VALUES.get(kind)
    if explain is not None:
        code, message, hint = explain(mistake)
    else:
        code, message, hint = kind, str(context.get("said", detail["msg"])), context.get("hint")
    place = document.key(path) if detail["loc"][-1:] == ("[key]",) else document.value(path)
    return document.diagnostic("error", code, place, (message, hint))


def _missing_tag(mistake: Mistake) -> Diagnostic:
    return _missing(replace(mistake, path=(*mistake.path, "type")))


def _missing(mistake: Mistake) -> Diagnostic:
    document, path, key = mistake.document, mistake.path[:-1], str(mistake.path[-1])
    message = f"{label(path)} lacks the key `{key}`"
    shape, value = at(path, document.values)
    below = shape.entry(key, value) if shape else None
    choices = below.choices if below else ()
    hint = f"add {key} = {_any_of(choices)}" if choices else f"add `{key} = …`"
    if shape and key == "type" and shape.variants:
        types = _TYPES if path[-1] != "auth" else f"one of: {', '.join(shape.variants)}"
        hint = f'add type = "…": {types}'
    return document.diagnostic("error", "missing-key", document.value(path), (message, hint))


def _unknown_key(mistake: Mistake) -> Diagnostic:
    document, path = mistake.document, mistake.path
    shape, value = at(path[:-1], document.values)
    key = str(path[-1])
    names = shape.names(value) if shape else ()
    homes = [f"[{'.'.join(home)}]" for home in _homes(key)]
    meant = closest(key, names, 0.8 if homes else 0.6)
    if meant:
        hint = f"did you mean `{meant}`?"
    else:
        hint = f"`{key}` belongs in {' or '.join(homes)}" if homes else f"known here: {', '.join(sorted(names))}"
    where = f"in {label(path[:-1])}" if path[:-1] else "at the top level"
    return document.diagnostic(
        "error", "unknown-key", document.key(path), (f"unknown key `{_short(key)}` {where}", hint)
    )


def _homes(key: str) -> list[tuple[str, ...]]:
    """The tables that have a setting named `key`."""
    found: list[tuple[str, ...]] = []

    def search(shape: Shape | None, path: tuple[str, ...]) -> None:
        if shape is None or len(path) > 3:
            return
        if key in shape.fields and path not in found:
            found.append(path)
        for variant in shape.variants.values():
            search(variant, path)
        for name, below in shape.fields.items():
            search(
                below.inner if below.kind == "map" else below, (*path, name, *(["NAME"] if below.kind == "map" else []))
            )

    search(root(), ())
    return [home for home in found if home][:3]


def _unknown_type(mistake: Mistake) -> Diagnostic:
    document, path = mistake.document, mistake.path
    shape, value = at(path, document.values)
    written = value.get("type") if isinstance(value, dict) else None
    place = document.value((*path, "type"))
    if not isinstance(written, str):
        return document.diagnostic(
            "error", "wrong-type", place, ("`type` expects a string, found " + _kind(written), _WRITTEN["a string"])
        )
    types = tuple(shape.variants) if shape else ()
    meant = closest(written, types)
    if path[-1] == "auth":
        auth = (f"unknown type `{_short(written)}` of `auth`", suggestion(written, types))
        return document.diagnostic("error", "unknown-value", place, auth)
    hint = _TYPES if meant is None else suggestion(written, types)
    said = (f"unknown provider type `{_short(written)}`", hint)
    return document.diagnostic("error", "unknown-provider-type", place, said)


Said = tuple[str, str, str | None]


def _wrong_type(mistake: Mistake) -> Said:
    expected = _EXPECTED.get(mistake.kind) or str(mistake.context["said"])
    hint = _WRITTEN.get(expected) or mistake.context.get("hint")
    return ("wrong-type", f"{mistake.name} expects {expected}, found {_kind(mistake.value)}", hint)


def _unknown_value(mistake: Mistake) -> Said:
    shape, value = at(mistake.path, mistake.document.values)
    choices = shape.choices if shape else ()
    if not isinstance(value, str):
        message = f"{mistake.name} expects a string, found {_kind(value)}"
        return ("wrong-type", message, f"one of: {', '.join(choices)}")
    return ("unknown-value", f"{mistake.name} cannot be `{_short(value)}`", suggestion(value, choices))


def _bound(mistake: Mistake) -> Said:
    low, high = mistake.context.get("ge"), mistake.context.get("le")
    bound = f"at least {low}" if low is not None else f"at most {high}"
    return ("out-of-range", f"{mistake.name} = {mistake.value} is out of range", f"write {bound}")


def _pattern(mistake: Mistake) -> Said:
    if mistake.path[-1] == "hash":
        hint = "write the 64 hexadecimal digits that `tollway keys hash` prints"
        return ("bad-hash", "this is not a key's hash", hint)
    if mistake.path[-1] == "model":
        return ("bad-model", "the model's name holds a control character", "take it out")
    if mistake.path[-1] == "region" and "auth" in mistake.path:
        return ("bad-name", "this is no region of AWS", 'write it as in "us-east-1"')
    if mistake.path[-1] in _PATTERNS:
        return ("bad-name", f"{mistake.name} is not written so", _PATTERNS[mistake.path[-1]])
    return ("bad-name", "this cannot be a name", "use 1 to 200 visible ASCII characters, without spaces")


def _empty(mistake: Mistake) -> Said:
    return ("empty-value", f"{mistake.name} is empty", "give a value, or take the key out")


def _long(mistake: Mistake) -> Said:
    what = "characters" if isinstance(mistake.value, str) else "entries"
    return ("out-of-range", f"{mistake.name} is too long", f"at most {mistake.context.get('max_length')} {what}")


_TOLD_OF_TABLES: dict[str, Callable[[Mistake], Diagnostic]] = {
    "missing": _missing,
    "union_tag_not_found": _missing_tag,
    "extra_forbidden": _unknown_key,
    "union_tag_invalid": _unknown_type,
}
_TOLD_OF_VALUES: dict[str, Callable[[Mistake], Said]] = {
    **dict.fromkeys([*_EXPECTED, "wrong-type"], _wrong_type),
    "literal_error": _unknown_value,
    "greater_than_equal": _bound,
    "less_than_equal": _bound,
    "string_pattern_mismatch": _pattern,
    "string_too_short": _empty,
    "too_short": _empty,
    "string_too_long": _long,
    "too_long": _long,
}


def label(path: Path, setting: bool = False) -> str:
    """How a message names the place: a table by its header, a setting by its key."""
    if setting:
        keys = [key for key in path if isinstance(key, str)]
        return f"`{_short(keys[-1])}`" if keys and path and isinstance(path[-1], str) else f"an entry of `{keys[-1]}`"
    if not path:
        return "the file"
    whole = "".join(f"[{key}]" if isinstance(key, int) else f".{_dotted(key)}" for key in path)[1:]
    return f"`{whole}`" if any(isinstance(key, int) for key in path) else f"[{whole}]"


def _any_of(choices: Sequence[str]) -> str:
    if len(choices) > 8:
        return f"…, {suggestion('', tuple(choices))}"
    return " or ".join(_quoted(choice) for choice in choices)


def _dotted(key: str) -> str:
    bare = key.replace("-", "a").replace("_", "a")
    return _short(key) if bare.isascii() and bare.isalnum() else f'"{_short(key)}"'


def _short(text: str) -> str:
    clean = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return clean if len(clean) <= 60 else clean[:59] + "…"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _kind(value: object) -> str:
    kinds = {
        bool: "a boolean",
        int: "an integer",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "a table",
    }
    return kinds.get(type(value), "nothing")
