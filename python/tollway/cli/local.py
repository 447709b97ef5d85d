"""The admin API over the store itself, where no gateway runs: the same operations and checks, without a socket."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from tollway._dataplane import Offline
from tollway.admin.app import create_app
from tollway.admin.control import TIMEOUT, value_of
from tollway.admin.operation import Context
from tollway.admin.settings import Access
from tollway.cli.remote import Away, actor, target, value

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping


class _Store:
    """Answers calls from the store, as `tollway.admin.control.ControlClient` does from a gateway."""

    def __init__(self, snapshot: bytes) -> None:
        self._offline = Offline(snapshot)
        self._routes = [{"name": route["name"]} for route in json.loads(snapshot)["routes"]]

    async def call(
        self,
        name: str,
        given: Mapping[str, object] | None = None,
        *,
        actor: str | None = None,
        timeout: float = TIMEOUT,  # noqa: ARG002, ASYNC109 - one process: nobody else waits
    ) -> object:
        if name == "routes":
            return self._routes
        return value_of(self._offline.call(name, json.dumps(given or {}).encode(), actor or "admin"))


class Local:
    """The admin API over the store of a configuration, given as its snapshot. Raises `Away` if it cannot be opened."""

    def __init__(self, snapshot: bytes, version: str) -> None:
        self._token = secrets.token_hex(32)
        try:
            store = _Store(snapshot)
        except OSError as error:
            raise Away(f"the store cannot be opened: {error}") from None
        access = Access.parse({"token": self._token, "metrics_open": False})
        self._app = create_app(Context(store, access, version))

    def ask(self, method: str, path: str, *, query: Mapping[str, object] | None = None, body: object = None) -> Any:  # noqa: ANN401 - JSON of any kind
        """The answer. Raises `AdminError`, or `Away` where the store cannot be opened."""
        data = b"" if body is None else json.dumps(body).encode()
        try:
            status, said = asyncio.run(self._serve(method, target(path, query), data))
        except OSError as error:
            raise Away(f"the store cannot be opened: {error}") from None
        return value(status, said)

    async def _serve(self, method: str, place: str, data: bytes) -> tuple[int, bytes]:
        parts = urlsplit(place)
        headers = {"host": "local", "authorization": f"Bearer {self._token}", "x-tollway-actor": actor()}
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
            "client": None,
            "server": ("local", 80),
        }
        answer: list[MutableMapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": data, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            answer.append(message)

        await self._app(scope, receive, send)
        return answer[0]["status"], b"".join(message.get("body", b"") for message in answer[1:])
