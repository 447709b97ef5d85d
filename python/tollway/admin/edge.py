"""What every request to the control plane meets before the router, and every answer after it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from tollway import logs
from tollway.admin.failure import Failure, fault

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 64 * 1024
"""The most bytes of a request's body."""

_HOST = re.compile(rb"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")

# The page needs no script and loads nothing, and nothing here is to be kept by a browser or framed by a site.
_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


class Edge:
    """Checks the `Host`, bounds the body, adds the security headers, and answers for what was not foreseen."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            return
        answer = _Answer(send)
        try:
            _check_head(scope)
            await self._app(scope, _bounded(receive), answer.send)
        except ClientDisconnect:
            return
        except Failure as failure:
            await answer.give(failure, scope, receive)
        # The last place that can turn a fault into an answer. Its text may quote the request: only the type is told.
        except Exception as error:  # noqa: BLE001
            logs.error("admin.fault", exception=type(error).__name__, method=scope["method"])
            await answer.give(fault(), scope, receive)


class _Answer:
    """Sends an answer, with our headers, and knows whether it has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            message["headers"] = [*message["headers"], *_HEADERS]
        await self._send(message)

    async def give(self, failure: Failure, scope: Scope, receive: Receive) -> None:
        if not self._begun:
            await failure.response()(scope, receive, self.send)


def _check_head(scope: Scope) -> None:
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    # granian gives a request without a Host an empty one; only HTTP/1.0 may come without.
    missing = hosts == [b""] and scope["http_version"] == "1"
    if not missing and (len(hosts) != 1 or not _HOST.fullmatch(hosts[0])):
        raise Failure(400, "invalid_host", "The request needs one valid Host.")
    for name, value in scope["headers"]:
        if name == b"content-length" and (not value.isdigit() or int(value) > LARGEST_BODY):
            raise _too_large()


def _bounded(receive: Receive) -> Receive:
    left = LARGEST_BODY

    async def bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _too_large()
        return message

    return bounded


def _too_large() -> Failure:
    return Failure(413, "request_too_large", f"A body has at most {LARGEST_BODY // 1024} KiB here.")
