"""The admin API over HTTP."""

from __future__ import annotations

import getpass
import http.client
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 130.0
"""Seconds for an answer: reading the whole audit log may take two minutes."""

LARGEST = 64 * 1024 * 1024
"""The most bytes of an answer."""


class AdminError(Exception):
    """The admin API refused; `str()` is for people."""

    def __init__(self, status: int, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param


class Away(Exception):  # noqa: N818 - a state
    """Nothing answers, or not as the admin API does; `str()` says what happened."""


class Admin(Protocol):
    """Who answers: a running gateway, or the store itself."""

    def ask(self, method: str, path: str, *, query: Mapping[str, object] | None = None, body: object = None) -> Any:  # noqa: ANN401 - JSON of any kind
        """The answer to `method` of `/admin/v1/PATH`. Raises `AdminError` or `Away`."""


def actor() -> str:
    """Who sits at the shell, for the audit log."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # no user of this number
        return "cli"
    clean = "".join(letter for letter in name if letter.isprintable())[:100]
    return f"cli:{clean}" if clean else "cli"


def target(path: str, query: Mapping[str, object] | None) -> str:
    """The request's target; what is `None` in the query is left out."""
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return f"/admin/v1/{path}" + (f"?{urlencode(given)}" if given else "")


def value(status: int, data: bytes) -> Any:  # noqa: ANN401 - JSON of any kind
    """What an answer says. Raises `AdminError` for an error, and `Away` for what the admin API does not say."""
    try:
        said: Any = json.loads(data) if data else {}
        if status < 400:
            return said
        error = said["error"]
        raise AdminError(status, str(error["code"]), str(error["message"]), error["param"])
    except (ValueError, KeyError, TypeError):
        raise Away("what answers there is not Tollway's admin API") from None


@dataclass(frozen=True, slots=True)
class Remote:
    """A gateway's admin API at `url`."""

    url: str
    token: str

    def __repr__(self) -> str:
        return f"Remote({self.url})"

    def ask(self, method: str, path: str, *, query: Mapping[str, object] | None = None, body: object = None) -> Any:  # noqa: ANN401 - JSON of any kind
        """The answer. Raises `AdminError`, or `Away` where none comes."""
        data = None if body is None else json.dumps(body).encode()
        connection = self._connection()
        try:
            connection.request(method, self._below(target(path, query)), data, self._headers(data))
            answer = connection.getresponse()
            said = answer.read(LARGEST)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise Away(_reason(error)) from None
        finally:
            connection.close()
        return value(answer.status, said)

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=PATIENCE)

    def _below(self, path: str) -> str:
        return urlsplit(self.url).path.rstrip("/") + path

    def _headers(self, data: bytes | None) -> dict[str, str | bytes]:
        headers: dict[str, str | bytes] = {"authorization": f"Bearer {self.token}", "x-tollway-actor": actor().encode()}
        return headers if data is None else headers | {"content-type": "application/json"}


def _reason(error: Exception) -> str:
    said = getattr(error, "strerror", None)
    return str(said).lower() if said else type(error).__name__
