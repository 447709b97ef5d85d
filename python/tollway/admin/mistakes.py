"""What is wrong with a body or a query, in words: which field, what was expected there, and what was probably meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tollway.admin.failure import Failure
from tollway.config.shape import Shape, closest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

MOST = 10
"""How many mistakes are told at once."""

_EXPECTED = {
    "string_type": "a string",
    "string_unicode": "a string",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_parsing_size": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "an array",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


def invalid(error: ValidationError, shape: Shape) -> Failure:
    """The answer to a body or a query that is not valid; `shape` tells which fields there are."""
    details = error.errors(include_url=False, include_input=False)
    said = [_sentence(detail, shape) for detail in details[:MOST]]
    if len(details) > MOST:
        said.append(f"and {len(details) - MOST} more")
    return wrong("; ".join(said), _field(details[0]["loc"]))


def wrong(message: str, param: str) -> Failure:
    """The answer to a field, named as `budgets[0].usd`, that is not valid."""
    return Failure(422, "invalid", _sentence_case(message), param=param)


def _sentence_case(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"


def _sentence(detail: ErrorDetails, shape: Shape) -> str:
    path, kind, context = detail["loc"], detail["type"], detail.get("ctx", {})
    name = f"`{_field(path)}`"
    if kind == "extra_forbidden":
        return f"there is no field {name}{_meant(str(path[-1]), _names(shape, path[:-1]))}"
    if kind == "missing":
        return f"the field {name} is missing"
    if kind in _EXPECTED:
        return f"{name} must be {_EXPECTED[kind]}"
    return f"{name}: {_said(kind, context, detail['msg'])}"


def _said(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind == "wrong-type":
        return f"must be {context['said']}"
    if kind == "string_pattern_mismatch":
        return "use 1 to 200 visible ASCII characters, without spaces"
    if "said" in context:
        return f"{context['said']}; {context['hint']}"
    return message[:1].lower() + message[1:]


def _names(shape: Shape | None, path: tuple[str | int, ...]) -> tuple[str, ...]:
    for key in path:
        shape = shape.entry(key, None) if shape else None
    return tuple(shape.fields) if shape else ()


def _meant(word: str, names: Sequence[str]) -> str:
    found = closest(word, names, 0.7)
    return f", did you mean `{found}`?" if found else ""


def _field(path: tuple[str | int, ...]) -> str:
    """`budgets[0].usd`; a name that the caller chose is shown only as far as it is harmless."""
    if path[-1:] == ("[key]",):
        path = path[:-1]
    parts = [f"[{key}]" if isinstance(key, int) else f".{printable(key)}" for key in path]
    return "".join(parts).removeprefix(".") or "the body"


def printable(text: str, most: int = 60) -> str:
    """`text` without control characters, and not too long, for a message."""
    clean = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[: most + 1])
    return clean if len(clean) <= most else clean[: most - 1] + "…"
