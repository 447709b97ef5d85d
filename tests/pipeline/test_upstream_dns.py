"""Upstream: names that move, vanish and appear, as the system's resolver tells."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.conftest import StartGateway, StartUpstream
from tests.support.errors import is_error
from tests.support.gateway import RunningGateway, chat_body, minimal
from tests.support.hosts import Hosts
from tests.support.reply import Gate, events, stream
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually
from tests.support.wire import request

NAME = "upstream.test"
BRIEF = {"dns_ttl": "300ms", "max_connection_age": "300ms"}

SWEEP = 40.0
"""Seconds within which connections are closed that are too old and idle: they are looked for now and then."""


@pytest.fixture
def hosts(tmp_path: Path) -> Hosts:
    return Hosts(tmp_path / "hosts")


def named(upstream: ScriptedUpstream, **provider: object) -> str:
    """A configuration that calls the upstream by its name."""
    return minimal(f"http://{NAME}:{upstream.port}", provider={**BRIEF, **provider})


class Load:
    """Callers who ask one request after the other, each on a new connection, until the end of the block."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.statuses: list[int] = []
        self._gateway = gateway
        self._over = threading.Event()
        self._callers = [threading.Thread(target=self._call) for _ in range(8)]

    def _call(self) -> None:
        while not self._over.is_set():
            try:
                self.statuses.append(self._gateway.chat().status)
            except Exception:
                self.statuses.append(0)
                raise

    def __enter__(self) -> Self:
        for caller in self._callers:
            caller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for caller in self._callers:
            caller.join()


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_a_name_that_moves_is_followed_and_no_request_fails(
    start_gateway: StartGateway, start_upstream: StartUpstream, hosts: Hosts, http2: bool
) -> None:
    here = start_upstream(http2=http2)
    there = start_upstream(http2=http2, at=("127.0.0.2", here.port))
    hosts.point(NAME, "127.0.0.1")
    gateway = start_gateway(named(here, http2="prior" if http2 else "off"), under=hosts.under)
    gate = Gate()
    here.script(stream([*events()[:2], gate, *events()[2:]]))
    with gateway.connect() as wire:
        wire.send(request(chat_body(stream=True), key=gateway.key))
        gate.arrived()
        with Load(gateway) as load:
            eventually(lambda: len(here.requests) > 100, "the first upstream serves")
            assert there.requests == []
            hosts.point(NAME, "127.0.0.2")

            def moved() -> bool:
                before, served = len(here.requests), len(there.requests)
                eventually(lambda: len(there.requests) > served + 100, "the second upstream serves")
                return len(here.requests) == before

            eventually(moved, "the first upstream gets no more requests")
            eventually(lambda: here.open == 1, "its connections close, save that of the stream", SWEEP)
        gate.open()
        assert wire.answer().body == b"".join(events(usage=False))
    assert set(load.statuses) == {200}
    eventually(lambda: here.open == 0, "the last connection closes with its stream", SWEEP)
    gateway.settled()


def test_the_last_known_addresses_serve_on_while_the_name_is_gone(
    start_gateway: StartGateway, upstream: ScriptedUpstream, hosts: Hosts
) -> None:
    hosts.point(NAME, "127.0.0.1")
    gateway = start_gateway(named(upstream), under=hosts.under)
    with Load(gateway) as load:
        eventually(lambda: len(upstream.requests) > 100, "requests are served")
        hosts.forget()
        before = upstream.accepted
        eventually(lambda: upstream.accepted > before + 20, "new connections are made", SWEEP)
    assert set(load.statuses) == {200}


def test_a_name_without_an_address_is_looked_up_again(
    start_gateway: StartGateway, upstream: ScriptedUpstream, hosts: Hosts
) -> None:
    # The name alone would be asked for at a DNS server too, which may take its time; the time to connect bounds that.
    gateway = start_gateway(named(upstream, connect_timeout="500ms"), under=hosts.under)
    is_error(gateway.chat(), 502, "upstream_unreachable")
    hosts.point(NAME, "127.0.0.1")
    eventually(lambda: gateway.chat().status == 200, "the name is found")
