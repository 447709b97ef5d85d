"""The checks of `tollway doctor`."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import time
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tollway.cli.checkup_credentials import credentials_fetched
from tollway.cli.checkup_online import providers_reached
from tollway.cli.file import file_of
from tollway.cli.reach import TOKEN, Gateway
from tollway.cli.remote import AdminError, Away
from tollway.config.api import Address, build, render
from tollway.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tollway.config.api import Built

PATIENCE = 3.0
"""Seconds for an answer of this machine's own."""

BUILT = 1_793_491_200
"""2026-11-01: no clock that is right is earlier."""

FILES_BESIDE = 512
"""How many files and sockets a gateway has open besides connections."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, and what to do."""

    name: str
    state: Literal["ok", "warn", "fail"]
    said: str
    todo: str | None = None

    def to_json(self) -> dict[str, str | None]:
        """For machines."""
        return asdict(self)


def examine(config: Path | None, url: str | None, online: bool) -> list[Check]:
    """Every check, in the order in which one builds on the other."""
    found: list[Check] = []
    built = _configuration(file_of(config), found)
    found.append(_clock())
    if built is not None:
        found.append(_files(built))
        found.append(_port("data plane", built.listen))
        found.append(_port("control plane", built.admin))
    health = _admin(config, url, found) if built is not None or url is not None else None
    if health is not None:
        found += _told(health)
    elif built is not None:
        found += _store(built)
    if built is not None:
        found += _space(built)
        found += [Check(*one) for one in credentials_fetched(built)]
        if online:
            found += [Check(*one) for one in providers_reached(built)]
    return found


def _configuration(file: Path | None, found: list[Check]) -> Built | None:
    if file is None:
        found.append(Check("configuration", "warn", "there is no tollway.toml here", "say --config FILE"))
        return None
    try:
        built = build(file, resolve_hook=lambda _call: (0, False), create_secrets=False)
    except ConfigError as error:
        wrong = [one for one in error.diagnostics if one.severity == "error"]
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        said = f"{wrong[0].file}:{wrong[0].line}: {wrong[0].message}{more}"
        found.append(Check("configuration", "fail", said, f"tollway check {file}"))
        return None
    if built.warnings:
        count = render(built.warnings).rstrip().rpartition("\n")[2]
        found.append(Check("configuration", "warn", f"{file}: {count}", f"tollway check {file}"))
    else:
        found.append(Check("configuration", "ok", str(file)))
    return built


def _clock() -> Check:
    now = time.time()
    said = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < BUILT:
        return Check("clock", "fail", f"{said} is before this version was made", "set the clock; run an NTP client")
    return Check("clock", "ok", said)


def _files(built: Built) -> Check:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Each client's connection may need one to a provider.
    wanted = 2 * built.config.server.max_connections + FILES_BESIDE
    said = f"{soft} may be open"
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return Check("open files", "ok", said)
    serves = max((soft - FILES_BESIDE) // 2, 0)
    return Check(
        "open files",
        "warn" if serves >= 1024 else "fail",
        f"{said}: enough for {serves} of {built.config.server.max_connections} connections (hard limit {hard})",
        f"ulimit -n {wanted}, or LimitNOFILE={wanted} in a systemd unit; or lower server.max_connections",
    )


def _port(name: str, address: Address) -> Check:
    """Whether the port is free, or a gateway of ours is behind it."""
    if not address.port:
        return Check(name, "ok", f"{address}: a free port is taken at the start")
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address.host, address.port))
        return Check(name, "ok", f"{address} is free")
    except OSError as error:
        if error.errno in (13, 99):
            todo = "choose a port above 1023, or an address of this machine"
            return Check(name, "fail", f"{address} cannot be used: {(error.strerror or '').lower()}", todo)
    return _who_is_there(name, address)


def _who_is_there(name: str, address: Address) -> Check:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - compared, not bound
    connection = HTTPConnection(host, address.port, timeout=PATIENCE)
    try:
        connection.request("GET", "/health/live")
        answer = connection.getresponse()
        if answer.status == 200 and b'"live"' in answer.read(1024):
            return Check(name, "ok", f"a gateway serves {address}")
        said = "another program"
    except (OSError, HTTPException):
        said = "another program, or a gateway with TLS,"
    finally:
        connection.close()
    state: Literal["warn", "fail"] = "warn" if "TLS" in said else "fail"
    return Check(name, state, f"{said} holds {address}", "stop it, or choose another port")


def _admin(config: Path | None, url: str | None, found: list[Check]) -> dict[str, Any] | None:
    remote = Gateway(config, url, False).remote
    if remote is None:
        found.append(Check("admin API", "warn", "`server.admin` has the port 0: it cannot be found", "say --admin-url"))
        return None
    before = time.time()
    try:
        health: dict[str, Any] = remote.ask("GET", "health")
    except Away as error:
        state: Literal["warn", "fail"] = "warn" if url is None else "fail"
        found.append(Check("admin API", state, f"nothing answers at {remote.url}: {error}", "tollway serve"))
        return None
    except AdminError as error:
        if error.status == 401:
            found.append(Check("admin token", "fail", f"{remote.url} refused it", f"set {TOKEN} to `admin.token`"))
        else:
            found.append(Check("admin API", "fail", f"{remote.url}: {error}", "look at the gateway's log"))
        return None
    found.append(Check("admin API", "ok", f"{remote.url} answers, in {(time.time() - before) * 1000:.0f} ms"))
    found.append(Check("admin token", "ok", "it is accepted"))
    skew = _skew(remote.url)
    if skew is not None and abs(skew) > 5:
        said = f"the gateway's is {skew:+.0f} s from this one"
        found.append(Check("clocks", "warn", said, "run an NTP client on both"))
    return health


def _skew(url: str) -> float | None:
    """Seconds by which the gateway's clock is ahead, if its answers carry a date."""
    parts = url.removeprefix("http://")
    if parts == url:
        return None
    connection = HTTPConnection(parts, timeout=PATIENCE)
    try:
        connection.request("GET", "/health/live")
        date = connection.getresponse().getheader("date")
        return parsedate_to_datetime(date).timestamp() - time.time() if date else None
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _told(health: dict[str, Any]) -> Iterator[Check]:
    """What a running gateway says of its store and journal."""
    store, journal, keys = health.get("store"), health.get("journal"), health.get("keys")
    if store is None or journal is None:
        yield Check("store", "warn", "the gateway keeps no records")
        return
    if store["state"] == "ok":
        yield Check("store", "ok", "the gateway reaches it")
    else:
        yield Check("store", "fail", f"away: {store['detail']}", "traffic goes on, and records wait in the journal")
    full = journal["bytes"] / max(journal["max_bytes"], 1)
    said = f"{journal['unshipped']} to ship, {full:.0%} full, the oldest {journal['lag_us'] / 1e6:.1f} s old"
    if journal["state"] in ("full", "failing"):
        yield Check("journal", "fail", f"{journal['state']}: {said}", "make room on its disk; see the gateway's log")
    elif journal["dropped"]:
        yield Check("journal", "fail", f"{journal['dropped']} records were lost; {said}", "see the gateway's log")
    elif journal.get("quarantined"):
        todo = "a disk may be failing: see the gateway's log, and the files *.quarantined in the journal's folder"
        yield Check("journal", "warn", f"{journal['quarantined']} damaged files were put aside; {said}", todo)
    else:
        yield Check("journal", "warn" if full >= 0.5 else "ok", said, "is the store away?" if full >= 0.5 else None)
    if keys is not None and keys["state"] != "fresh":
        yield Check("keys", "warn", f"{keys['state']}: not from the store", "they are read anew once the store is back")


def _store(built: Built) -> Iterator[Check]:
    """The store itself, where no gateway runs."""
    from tollway.cli.local import Local  # noqa: PLC0415 - only here is the store's side needed

    url = str((built.store or {})["url"])
    if url.startswith("sqlite:") and not Path(url.removeprefix("sqlite:")).exists():
        yield Check("store", "ok", "it is made at the first start")
        return
    try:
        Local(built.snapshot, version("tollway")).ask("GET", "keys", query={"limit": 1})
    except Away as error:
        yield Check("store", "fail", str(error), "say --admin-url, or end the process that holds it")
        return
    except (AdminError, ValueError) as error:
        yield Check("store", "fail", str(error), "check `store.url`, and that the database is reachable")
        return
    yield Check("store", "ok", "it opens, and its schema is this version's")
    yield _backlog(built)


def _backlog(built: Built) -> Check:
    folder = Path(str((built.store or {})["journal"]))
    size = sum(file.stat().st_size for file in folder.glob("*.seg")) if folder.is_dir() else 0
    most = built.config.store.journal_max
    if not os.access(folder if folder.exists() else folder.parent, os.W_OK):
        return Check("journal", "fail", f"{folder} cannot be written", "make it writable")
    said = f"{folder}: {size / 2**20:.1f} MiB of at most {most / 2**20:.0f} MiB"
    full = size >= most / 2
    return Check("journal", "warn" if full else "ok", said, "start the gateway, which ships it" if full else None)


def _space(built: Built) -> Iterator[Check]:
    store = built.store or {}
    folder = Path(str(store["journal"]))
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    most = built.config.store.journal_max
    if free < most:
        said = f"{free / 2**30:.1f} GiB free for a journal of at most {most / 2**30:.1f} GiB"
        yield Check("disk", "fail" if free < 64 << 20 else "warn", said, "make room, or lower store.journal_max")
    else:
        yield Check("disk", "ok", f"{free / 2**30:.1f} GiB free at {there}")
