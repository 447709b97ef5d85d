"""The control plane as an ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route, Router

from tollway.admin.edge import Edge
from tollway.admin.failure import Failure, bad_token, on_failure, on_fault, on_http_exception
from tollway.admin.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from tollway.admin.operation import Context, Operation


def create_app(context: Context) -> ASGIApp:
    """Make the application. There is nothing in it that is not in `OPERATIONS`."""
    methods: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        methods.setdefault(operation.path, {})[operation.method] = operation
    routes = [
        Route(path, _endpoint(operations, context), methods=list(operations)) for path, operations in methods.items()
    ]
    app = Starlette(
        routes=routes, exception_handlers={Failure: on_failure, HTTPException: on_http_exception, Exception: on_fault}
    )
    # A redirect to the path with a slash more or less would be built from the Host that the client sent.
    router: Router = app.router
    router.redirect_slashes = False
    return Edge(app)


def _endpoint(operations: dict[str, Operation], context: Context) -> Callable[[Request], Awaitable[Response]]:
    """The operations of one path behind their access checks: decided on the matched operation, never on text."""

    async def endpoint(request: Request) -> Response:
        operation = operations["GET" if request.method == "HEAD" else request.method]
        if _needs_token(operation, context) and not _has_token(request, context):
            raise bad_token()
        return await operation.handler(request, context)

    return endpoint


def _needs_token(operation: Operation, context: Context) -> bool:
    if operation.who == "anyone":
        return False
    return operation.who != "metrics" or not context.access.metrics_open


def _has_token(request: Request, context: Context) -> bool:
    values = request.headers.getlist("authorization")
    if len(values) != 1:
        return False
    scheme, _, token = values[0].partition(" ")
    return scheme.lower() == "bearer" and context.access.allows(token.strip())
