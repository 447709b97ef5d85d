"""The one shape in which the control plane says that something did not work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import Response

from tollway import logs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from tollway.admin.control import Refused


class Failure(Exception):  # noqa: N818 - it is the answer, not a fault
    """An answer other than a success; raised anywhere below the application."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.param = param

    def response(self) -> Response:
        """As JSON, in the shape of OpenAI's errors."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        error = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return Response(orjson.dumps({"error": error}), self.status, self.headers, "application/json")


def bad_token() -> Failure:
    """Missing and wrong alike, so that nothing tells them apart."""
    return Failure(
        401, "invalid_admin_token", "The admin token is missing or wrong.", headers={"www-authenticate": "Bearer"}
    )


def fault() -> Failure:
    """Something of ours is wrong; what, is for the log."""
    return Failure(500, "internal_error", "Something went wrong here.")


def away() -> Failure:
    """The data plane does not answer; it may soon."""
    return Failure(503, "data_plane_away", "The data plane does not answer.", headers={"retry-after": "1"})


_REFUSALS = {
    "not_found": 404,
    "conflict": 409,
    "read_only": 409,
    "invalid": 422,
    "too_broad": 400,
    "store_unavailable": 503,
}
"""The codes with which the data plane refuses a call, and their status."""


def refused(error: Refused) -> Failure:
    """What the data plane refused, and why. A code that is not known here is a fault, whose text is for the log."""
    status = _REFUSALS.get(error.code or "")
    if status is None or error.code is None:
        logs.error("admin.refused", code=error.code)
        return fault()
    headers = {"retry-after": "1"} if status == 503 else None
    return Failure(status, error.code, str(error), headers=headers, param=error.param)


async def on_fault(_request: Request, _error: Exception) -> Response:
    """Answer for what was not foreseen. The exception goes on to be logged."""
    return fault().response()


async def on_failure(_request: Request, error: Exception) -> Response:
    """Turn a `Failure` into its answer."""
    if not isinstance(error, Failure):
        raise error
    return error.response()


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Turn the router's own exceptions, 404 and 405, into our shape."""
    if not isinstance(error, HTTPException):
        raise error
    known = {
        404: ("not_found", f"There is nothing at {request.url.path!r}."),
        405: ("method_not_allowed", f"{request.method} is not allowed here."),
    }
    code, message = known.get(error.status_code, ("http_error", str(error.detail)))
    return Failure(error.status_code, code, message, headers=error.headers).response()
