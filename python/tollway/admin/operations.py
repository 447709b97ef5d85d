"""Every operation of the control plane: what it does, who may use it, and how it is described. The one list."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import orjson
from pydantic import TypeAdapter
from starlette.responses import HTMLResponse, Response

from tollway.admin import models
from tollway.admin.control import RELOAD_TIMEOUT, Refused, Unavailable
from tollway.admin.failure import Failure, away
from tollway.admin.page import page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from tollway.admin.control import ControlClient
    from tollway.admin.settings import Access

_HEALTH = TypeAdapter(models.Health)
_ROUTES = TypeAdapter(list[models.Route])
_TARGETS = TypeAdapter(list[models.Target])
_KEYS = TypeAdapter(list[models.Key])
_RELOADED = TypeAdapter(models.Reloaded)
_OPENAPI = TypeAdapter(models.OpenApi)
_PROBE = TypeAdapter(models.Probe)

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"

BODY_TIMEOUT = 10.0
"""Seconds that a client may take to send a body."""


@dataclass(slots=True)
class Context:
    """What the handlers share. `access` is replaced by a reload."""

    control: ControlClient
    access: Access
    version: str


Handler: TypeAlias = "Callable[[Request, Context], Awaitable[Response]]"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. Without a word about `who`, the admin token is asked for."""

    path: str
    handler: Handler
    summary: str
    answer: TypeAdapter[Any] | None = None
    method: Literal["GET", "POST"] = "GET"
    who: Literal["token", "metrics", "anyone"] = "token"
    media_type: str = "application/json"
    statuses: tuple[int, ...] = (200,)
    refusals: tuple[int, ...] = (401, 503)


def _asking(name: str, adapter: TypeAdapter[Any]) -> Handler:
    """A handler that passes on what the data plane answers to `name`, as far as `adapter` declares it."""

    async def handler(_request: Request, context: Context) -> Response:
        return _json(adapter, await _ask(context, name))

    return handler


async def _ask(context: Context, name: str) -> object:
    try:
        return await context.control.call(name)
    except Unavailable:
        raise away() from None


def _json(adapter: TypeAdapter[Any], value: object) -> Response:
    return Response(adapter.dump_json(adapter.validate_python(value)), media_type="application/json")


async def _reload(request: Request, context: Context) -> Response:
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            body = await request.body()
    except TimeoutError:
        raise Failure(408, "request_timeout", "The body did not arrive in time.") from None
    if body.strip() not in (b"", b"{}"):
        raise Failure(400, "invalid_request", "A reload takes no body: it reads the configuration file anew.")
    try:
        value = await context.control.call("reload", RELOAD_TIMEOUT)
    except Unavailable:
        raise away() from None
    except Refused as refused:
        raise Failure(422, "invalid_configuration", str(refused)) from None
    return _json(_RELOADED, value)


async def _metrics(_request: Request, context: Context) -> Response:
    return Response(str(await _ask(context, "metrics")), media_type=PROMETHEUS)


async def _live(_request: Request, _context: Context) -> Response:
    return _probe(200, models.Probe(status="live"))


async def _ready(_request: Request, context: Context) -> Response:
    try:
        health = models.Health.model_validate(await context.control.call("health"))
    except (Unavailable, Refused):
        return _probe(503, models.Probe(status="unready", data_plane="away"))
    if health.status != "ready":
        return _probe(503, models.Probe(status="unready", data_plane=health.status))
    return _probe(200, models.Probe(status="ready", data_plane="ready"))


def _probe(status: int, probe: models.Probe) -> Response:
    return Response(probe.model_dump_json(exclude_none=True), status, media_type="application/json")


async def _root(_request: Request, context: Context) -> Response:
    return HTMLResponse(page(context.version))


async def _openapi(_request: Request, context: Context) -> Response:
    # Imported when first asked for: the schemas of all models take memory that most processes never need.
    from tollway.admin.openapi import document  # noqa: PLC0415

    return Response(orjson.dumps(document(OPERATIONS, context.version)), media_type="application/json")


OPERATIONS: tuple[Operation, ...] = (
    Operation("/admin/v1/health", _asking("health", _HEALTH), "How the data plane is", _HEALTH),
    Operation("/admin/v1/routes", _asking("routes", _ROUTES), "The routes in force", _ROUTES),
    Operation("/admin/v1/targets", _asking("targets", _TARGETS), "The targets", _TARGETS),
    Operation("/admin/v1/keys", _asking("keys", _KEYS), "The configuration's keys", _KEYS),
    Operation(
        "/admin/v1/reload",
        _reload,
        "Read the configuration file anew; where it is not valid, everything stays as it is",
        _RELOADED,
        method="POST",
        refusals=(400, 401, 408, 413, 422, 503),
    ),
    Operation("/admin/openapi.json", _openapi, "This document", _OPENAPI, refusals=(401,)),
    Operation("/metrics", _metrics, "Prometheus metrics", who="metrics", media_type=PROMETHEUS),
    Operation("/health/live", _live, "Whether the control plane runs", _PROBE, who="anyone", refusals=()),
    Operation(
        "/health/ready",
        _ready,
        "Whether the data plane answers",
        _PROBE,
        who="anyone",
        statuses=(200, 503),
        refusals=(),
    ),
    Operation("/", _root, "A page for people", who="anyone", media_type="text/html", refusals=()),
)
