"""Reading what a caller sends: the body, the query, and who it says that it is."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from tollway.admin.failure import Failure
from tollway.admin.mistakes import invalid, printable, wrong
from tollway.config.shape import Shape, table

if TYPE_CHECKING:
    from starlette.requests import Request

    from tollway.config.fields import Settings

BODY_TIMEOUT = 10.0
"""Seconds that a client may take to send a body."""

LONGEST_ACTOR = 128
"""The most characters of `x-tollway-actor`."""


class Query(BaseModel):
    """The parameters of a query: texts, of which each is given at most once."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


Parameters = TypeVar("Parameters", bound=Query)
Body = TypeVar("Body", bound="Settings")


def read_query(request: Request, model: type[Parameters]) -> Parameters:
    """The query's parameters, checked. Raises `Failure`."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise wrong(f"`{printable(name)}` is given twice", printable(name))
        given[name] = value
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise invalid(error, _shape(model)) from None


def _shape(model: type[Query]) -> Shape:
    names = [str(field.alias or name) for name, field in model.model_fields.items()]
    return Shape("table", fields={name: Shape("value") for name in names})


async def read_body(request: Request, model: type[Body], *, optional: bool = False) -> Body:
    """The JSON body, checked. With `optional`, no body is an empty object. Raises `Failure`."""
    data = await read_bytes(request)
    value = {} if optional and not data.strip() else _object(data)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(error, table(model)) from None


async def read_bytes(request: Request) -> bytes:
    """The body as it is. Raises `Failure` if it does not arrive in time."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await request.body()
    except TimeoutError:
        raise Failure(408, "request_timeout", "The body did not arrive in time.") from None


def _object(data: bytes) -> dict[str, object]:
    if not data.strip():
        raise _malformed("The body is empty; it must be a JSON object.")
    try:
        # Two readers, as each refuses what the other takes: lone surrogates and NaN; a key that is given twice.
        orjson.loads(data)
        value: object = json.loads(data, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise _malformed(f"The body is not JSON: {printable(str(error), 100)}.") from None
    if not isinstance(value, dict):
        raise _malformed("The body must be a JSON object.")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key `{printable(twice)}` is given twice")
    return found


def _malformed(message: str) -> Failure:
    return Failure(400, "invalid_request", message)


def actor(request: Request) -> str:
    """Who asks, for the audit log: `admin`, or `admin:NAME` with the name of `x-tollway-actor`. Raises `Failure`."""
    values = request.headers.getlist("x-tollway-actor")
    if not values:
        return "admin"
    try:
        name = values[0].encode("latin-1").decode()
    except UnicodeDecodeError:
        name = ""
    if len(values) > 1 or not 0 < len(name) <= LONGEST_ACTOR or not name.isprintable():
        message = f"x-tollway-actor is 1 to {LONGEST_ACTOR} printable characters, given once."
        raise Failure(400, "invalid_request", message, param="x-tollway-actor")
    return f"admin:{name}"
