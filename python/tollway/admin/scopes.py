"""`/admin/v1/teams`, `/projects`, `/environments`, …: what requests count for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from tollway.admin.keys import named
from tollway.admin.models_keys import (
    NewScope,
    NewTeam,
    PageQuery,
    Scope,
    Scopes,
    ScopeSettings,
    TeamSettings,
)
from tollway.admin.operation import Operation, answer, ask
from tollway.admin.reading import actor, read_body, read_query
from tollway.admin.references import check_references
from tollway.config.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from tollway.admin.operation import Context, Handler

KINDS = ("team", "project", "environment", "tenant", "organisation", "user", "agent")


def _list(kind: str) -> Handler:
    async def handler(request: Request, context: Context) -> Response:
        query = read_query(request, PageQuery)
        page = await ask(context, "scopes.list", {"kind": kind, **query.model_dump(exclude_none=True)})
        return answer(Scopes, page, only_given=True)

    return handler


def _show(kind: str) -> Handler:
    async def handler(request: Request, context: Context) -> Response:
        found = await ask(context, "scopes.show", {"kind": kind, "name": named(request, "name")})
        return answer(Scope, found, only_given=True)

    return handler


def _create(kind: str, model: type[NewScope | NewTeam]) -> Handler:
    async def handler(request: Request, context: Context) -> Response:
        settings = {name: value for name, value in plain(await read_body(request, model)).items() if value is not None}
        name = settings.pop("name")
        who = actor(request)
        await check_references(context, settings)
        asked = {"kind": kind, "name": name, "settings": settings}
        return answer(Scope, await ask(context, "scopes.create", asked, actor=who), 201, only_given=True)

    return handler


def _patch(kind: str, model: type[ScopeSettings]) -> Handler:
    async def handler(request: Request, context: Context) -> Response:
        name = named(request, "name")
        changes = plain(await read_body(request, model))
        who = actor(request)
        await check_references(context, changes)
        asked = {"kind": kind, "name": name, "changes": changes}
        return answer(Scope, await ask(context, "scopes.patch", asked, actor=who), only_given=True)

    return handler


def _delete(kind: str) -> Handler:
    async def handler(request: Request, context: Context) -> Response:
        asked = {"kind": kind, "name": named(request, "name")}
        await ask(context, "scopes.delete", asked, actor=actor(request))
        return Response(status_code=204)

    return handler


def _operations(kind: str) -> Iterator[Operation]:
    every, one = f"/admin/v1/{kind}s", f"/admin/v1/{kind}s/{{name:path}}"
    new: type[NewScope | NewTeam] = NewTeam if kind == "team" else NewScope
    change: type[ScopeSettings] = TeamSettings if kind == "team" else ScopeSettings
    article = "an" if kind[0] in "aeo" else "a"
    yield Operation(every, _list(kind), f"The {kind}s", Scopes, query=PageQuery, refusals=(401, 422, 503))
    yield Operation(
        every,
        _create(kind, new),
        f"Declare {article} {kind}",
        Scope,
        method="POST",
        statuses=(201,),
        refusals=(400, 401, 408, 409, 413, 422, 503),
        body=new,
    )
    yield Operation(one, _show(kind), f"One {kind}", Scope, refusals=(401, 404, 503))
    yield Operation(
        one,
        _patch(kind, change),
        "Change what the body names; null clears a setting",
        Scope,
        method="PATCH",
        refusals=(400, 401, 404, 408, 409, 413, 422, 503),
        body=change,
    )
    yield Operation(
        one,
        _delete(kind),
        f"Remove {article} {kind}; what counted for it stays counted",
        method="DELETE",
        statuses=(204,),
        refusals=(400, 401, 404, 409, 503),
    )


OPERATIONS = tuple(operation for kind in KINDS for operation in _operations(kind))
