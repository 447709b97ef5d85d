"""Every operation of the control plane. The one list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response

from tollway.admin import alert_operations, audit, basics, jobs, keys, models, requests, scopes, usage
from tollway.admin.operation import Operation

if TYPE_CHECKING:
    from starlette.requests import Request

    from tollway.admin.operation import Context


async def _openapi(_request: Request, context: Context) -> Response:
    # Imported when first asked for: the schemas of all models take memory that most processes never need.
    from tollway.admin.openapi import document  # noqa: PLC0415

    return Response(orjson.dumps(document(OPERATIONS, context.version)), media_type="application/json")


OPERATIONS: tuple[Operation, ...] = (
    *keys.OPERATIONS,
    *scopes.OPERATIONS,
    *usage.OPERATIONS,
    *requests.OPERATIONS,
    *audit.OPERATIONS,
    *jobs.OPERATIONS,
    *alert_operations.OPERATIONS,
    *basics.OPERATIONS,
    Operation("/admin/openapi.json", _openapi, "This document", models.OpenApi, refusals=(401,)),
)
