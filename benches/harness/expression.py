"""Arithmetic over what was measured: `1.8 * nginx.cpu_us`. The rows of benches/scenarios.toml are written in it."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping

Measured = Mapping[str, Mapping[str, float]]
"""By subject, then by metric."""

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class ExpressionError(ValueError):
    """An expression that cannot be read."""


class MissingError(LookupError):
    """An expression names what was not measured."""


def evaluate(text: str, measured: Measured) -> float:
    """The value of `text`. Raises `ExpressionError` for bad syntax, `MissingError` for what was not measured."""

    def look_up(subject: str, metric: str) -> float:
        try:
            return measured[subject][metric]
        except KeyError:
            raise MissingError(f"{subject}.{metric} was not measured") from None

    return _value(_parse(text), look_up)


def names(text: str) -> set[tuple[str, str]]:
    """The (subject, metric) pairs that `text` names. Raises `ExpressionError` for bad syntax."""
    found: set[tuple[str, str]] = set()

    def look_up(subject: str, metric: str) -> float:
        found.add((subject, metric))
        return float(len(found))  # different values, so that a difference of two is not a division by zero

    _value(_parse(text), look_up)
    return found


def _parse(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"{text!r}: {error.msg}") from None


def _value(node: ast.expr, look_up: Callable[[str, str], float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, look_up)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, look_up), _value(right, look_up))
        case ast.Attribute(value=ast.Name(id=subject), attr=metric):
            return look_up(subject, metric)
        case _:
            raise ExpressionError(f"{ast.unparse(node)!r}: only numbers, SUBJECT.METRIC, + - * / and parentheses")
