"""`/admin/v1/keys`: virtual keys, made and changed while traffic runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tollway.admin.failure import Failure
from tollway.admin.models_keys import Key, KeyQuery, Keys, KeySettings, NewKey, Rotation
from tollway.admin.operation import Operation, answer, ask
from tollway.admin.reading import actor, read_body, read_query
from tollway.admin.references import check_references
from tollway.config.plain import plain

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tollway.admin.operation import Context


LONGEST_NAME = 200
"""The most characters of an id or a name."""


def named(request: Request, parameter: str) -> str:
    """The name in the path. Raises `Failure` for one that nothing can have."""
    name: str = request.path_params[parameter]
    if not name.isascii() or not name.isprintable() or " " in name or not 0 < len(name) <= LONGEST_NAME:
        raise Failure(404, "not_found", "There is nothing of that name.")
    return name


async def _list(request: Request, context: Context) -> Response:
    query = read_query(request, KeyQuery)
    return answer(Keys, await ask(context, "keys.list", query.model_dump(exclude_none=True)), only_given=True)


async def _show(request: Request, context: Context) -> Response:
    return answer(Key, await ask(context, "keys.show", {"id": named(request, "id")}), only_given=True)


async def _create(request: Request, context: Context) -> Response:
    body = await read_body(request, KeySettings, optional=True)
    settings = {name: value for name, value in plain(body).items() if value is not None}
    who = actor(request)
    await check_references(context, settings)
    made = await ask(context, "keys.create", {"settings": settings}, actor=who)
    return answer(NewKey, made, 201, only_given=True)


async def _patch(request: Request, context: Context) -> Response:
    key = named(request, "id")
    changes = plain(await read_body(request, KeySettings))
    who = actor(request)
    await check_references(context, changes)
    changed = await ask(context, "keys.patch", {"id": key, "changes": changes}, actor=who)
    return answer(Key, changed, only_given=True)


async def _rotate(request: Request, context: Context) -> Response:
    key = named(request, "id")
    rotation = await read_body(request, Rotation, optional=True)
    # Up to the next second: a grace of 500 ms is not none.
    asked = {"id": key, "grace_s": -(-rotation.grace // 1000)}
    return answer(NewKey, await ask(context, "keys.rotate", asked, actor=actor(request)), only_given=True)


async def _revoke(request: Request, context: Context) -> Response:
    key = named(request, "id")
    revoked = await ask(context, "keys.revoke", {"id": key}, actor=actor(request))
    return answer(Key, revoked, only_given=True)


_ONE = "/admin/v1/keys/{id:path}"
_CHANGES = (400, 401, 404, 408, 409, 413, 422, 503)

OPERATIONS = (
    Operation("/admin/v1/keys", _list, "The keys", Keys, query=KeyQuery, refusals=(401, 422, 503)),
    Operation(
        "/admin/v1/keys",
        _create,
        "Make a key; its secret is in this answer and in no other",
        NewKey,
        method="POST",
        statuses=(201,),
        refusals=(400, 401, 408, 413, 422, 503),
        body=KeySettings,
        body_optional=True,
    ),
    # Before the operations on one key, whose ids may hold a slash.
    Operation(
        f"{_ONE}/rotate",
        _rotate,
        "Give a key a new secret; the old one works on for `grace`",
        NewKey,
        method="POST",
        refusals=_CHANGES,
        body=Rotation,
        body_optional=True,
    ),
    Operation(_ONE, _show, "One key", Key, refusals=(401, 404, 503)),
    Operation(
        _ONE,
        _patch,
        "Change what the body names; null clears a setting",
        Key,
        method="PATCH",
        refusals=_CHANGES,
        body=KeySettings,
    ),
    Operation(_ONE, _revoke, "Revoke a key, for good", Key, method="DELETE", refusals=(400, 401, 404, 409, 503)),
)
