"""Who answers a command: the gateway's admin API where it does, else the store itself under its lock."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from tollway.cli.file import DEFAULT_FILE, file_of
from tollway.cli.output import BAD_INPUT, FAILED, fail, say_json, visible
from tollway.cli.remote import AdminError, Away, Remote
from tollway.config.api import Address, build, reach
from tollway.errors import ConfigError, TollwayError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tollway.cli.remote import Admin

TOKEN = "TOLLWAY_ADMIN_TOKEN"
_BAD_INPUT = (400, 413, 422)


class Gateway:
    """The gateway that a command is about. `ask` ends the program where there is no answer to print."""

    def __init__(self, config: Path | None, url: str | None, as_json: bool) -> None:
        self._file = file_of(config)
        self._given = url
        self._as_json = as_json
        self._admin: Admin | None = None
        self.remote = self._remote()

    def ask(self, method: str, path: str, *, query: Mapping[str, object] | None = None, body: object = None) -> Any:  # noqa: ANN401 - JSON of any kind
        """The answer to `method` of `/admin/v1/PATH`, or the end of the program: it says why."""
        try:
            return self._first(method, path, query=query, body=body)
        except AdminError as error:
            self.refused(error)
        except Away as error:
            self._fail(FAILED, "away", str(error))

    def ask_running(self, command: str, method: str, path: str, query: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - JSON of any kind
        """As `ask`, for what only a gateway that runs knows; `command` is what needs it."""
        if self.remote is None:
            self._fail(FAILED, "away", "`server.admin` has the port 0: say --admin-url URL")
        try:
            return self.remote.ask(method, path, query=query)
        except AdminError as error:
            self.refused(error)
        except Away as error:
            said = f"no gateway answers at {self.remote.url}: {error}; `{command}` needs one that runs"
            self._fail(FAILED, "away", said)

    def _first(self, method: str, path: str, **asked: Any) -> Any:  # noqa: ANN401 - passed on
        if self._admin is not None:
            return self._admin.ask(method, path, **asked)
        away = "it has the port 0, so that it cannot be found without --admin-url"
        if self.remote is not None:
            try:
                said = self.remote.ask(method, path, **asked)
            except Away as error:
                away = str(error)
            else:
                self._admin = self.remote
                return said
        self._admin = self._local(away)
        return self._admin.ask(method, path, **asked)

    def _remote(self) -> Remote | None:
        token = os.environ.get(TOKEN, "")
        if self._given is not None:
            return Remote(_checked(self._given), token or self._token())
        if self._file is None:
            return Remote("http://127.0.0.1:8081", token)
        try:
            found = reach(self._file)
        except ConfigError as error:
            fail(str(error).rstrip())
        token = token or (found.token.reveal() if found.token else "")
        return Remote(_url(found.admin), token) if found.admin.port else None

    def _token(self) -> str:
        if self._file is None:
            return ""
        try:
            token = reach(self._file).token
        except ConfigError:
            return ""
        return token.reveal() if token else ""

    def _local(self, away: str) -> Admin:
        """The store itself. A gateway elsewhere has its own, so one that was named is not replaced by it."""
        where = self.remote.url if self.remote else "`server.admin`"
        if self._given is not None:
            self._fail(FAILED, "away", f"no gateway answers at {where}: {away}")
        if self._file is None:
            hint = f"there is no {DEFAULT_FILE} here: say --config FILE or --admin-url URL"
            self._fail(FAILED, "away", f"no gateway answers at {where} ({away}), and {hint}")
        try:
            built = build(self._file, resolve_hook=lambda _call: (0, False))
            # Most commands find a gateway: only here is the store's side needed.
            from tollway.cli.local import Local  # noqa: PLC0415

            return Local(built.snapshot, version("tollway"))
        except ConfigError as error:
            said = f"no gateway answers at {where} ({away}), and the store cannot be opened without:\n{error}"
            self._fail(BAD_INPUT, "invalid_configuration", said.rstrip())
        except TollwayError as error:
            self._fail(FAILED, "failed", str(error))
        except Away as error:
            self._fail(FAILED, "away", f"no gateway answers at {where} ({away}), and {error}")
        except ValueError as error:
            self._fail(FAILED, "store_unavailable", f"no gateway answers at {where} ({away}), and {error}")

    def refused(self, error: AdminError) -> NoReturn:
        """End with what the admin API says, and what to do about it."""
        message = str(error)
        if error.status == 401:
            where = f" by {self.remote.url}" if self.remote else ""
            message = f"the admin token was refused{where}: set {TOKEN}, or say --config FILE"
        code = BAD_INPUT if error.status in _BAD_INPUT else FAILED
        self._fail(code, error.code, message, error.param)

    def _fail(self, exit_code: int, code: str, message: str, param: str | None = None) -> NoReturn:
        if self._as_json:
            say_json({"error": {"message": message, "param": param, "code": code}})
        fail("\n".join(visible(line) for line in f"error: {message}".splitlines()), exit_code)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        right = False
    if not right or "@" in url or "?" in url or "#" in url or not url.isprintable() or " " in url:
        fail("--admin-url: write it as in http://127.0.0.1:8081; the token goes into TOLLWAY_ADMIN_TOKEN")
    return url.rstrip("/")


def _url(address: Address) -> str:
    """Where a listener can be reached from here: one on all interfaces also is on loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - compared, not bound
    return f"http://{Address(host, address.port)}"
