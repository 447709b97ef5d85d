"""How the gateway is, what it serves, reload, metrics, probes, and the page for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import HTMLResponse, Response

from tollway.admin import models
from tollway.admin.control import RELOAD_TIMEOUT, Refused, TooLong, Unavailable
from tollway.admin.failure import Failure, away
from tollway.admin.operation import Operation, answer, ask, asking
from tollway.admin.page import page
from tollway.admin.reading import read_bytes

if TYPE_CHECKING:
    from starlette.requests import Request

    from tollway.admin.operation import Context


PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


async def _routes(_request: Request, context: Context) -> Response:
    routes: Any = await ask(context, "routes")
    origins = _origins(context)
    return answer(list[models.Route], [{**route, "origin": origins.get(route["name"], {})} for route in routes])


def _origins(context: Context) -> dict[str, dict[str, str]]:
    """Where each setting of each route was made, as the supervisor has left it; empty if it could not."""
    try:
        found: dict[str, dict[str, str]] = orjson.loads(context.origins.read_bytes()) if context.origins else {}
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found


async def _reload(request: Request, context: Context) -> Response:
    body = await read_bytes(request)
    if body.strip() not in (b"", b"{}"):
        raise Failure(400, "invalid_request", "A reload takes no body: it reads the configuration file anew.")
    try:
        value = await context.control.call("reload", timeout=RELOAD_TIMEOUT)
    except (Unavailable, TooLong):
        raise away() from None
    except Refused as refused:
        raise Failure(422, "invalid_configuration", str(refused)) from None
    return answer(models.Reloaded, value)


async def _health(_request: Request, context: Context) -> Response:
    health: Any = await ask(context, "health")
    more = []
    if context.exporter is not None and context.exporter.failing:
        more.append("telemetry")
    if context.notifier is not None and context.notifier.tally.failing:
        more.append("alerts")
    if more:
        health = {**health, "degraded": [*health.get("degraded", ()), *more]}
    return answer(models.Health, health, only_given=True)


async def _metrics(_request: Request, context: Context) -> Response:
    page = str(await ask(context, "metrics"))
    exported = context.exporter.page() if context.exporter else ""
    delivered = context.notifier.tally.page() if context.notifier else ""
    return Response(page + exported + delivered, media_type=PROMETHEUS)


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


OPERATIONS = (
    Operation("/admin/v1/health", _health, "How the data plane is", models.Health),
    Operation("/admin/v1/routes", _routes, "The routes in force, and where each setting was made", list[models.Route]),
    Operation("/admin/v1/targets", asking("targets", list[models.Target]), "The targets", list[models.Target]),
    Operation(
        "/admin/v1/reload",
        _reload,
        "Read the configuration file anew; where it is not valid, everything stays as it is",
        models.Reloaded,
        method="POST",
        refusals=(400, 401, 408, 413, 422, 503),
    ),
    Operation("/metrics", _metrics, "Prometheus metrics", who="metrics", media_type=PROMETHEUS),
    Operation("/health/live", _live, "Whether the control plane runs", models.Probe, who="anyone", refusals=()),
    Operation(
        "/health/ready",
        _ready,
        "Whether the data plane answers",
        models.Probe,
        who="anyone",
        statuses=(200, 503),
        refusals=(),
    ),
    Operation("/", _root, "A page for people", who="anyone", media_type="text/html", refusals=()),
)
