"""SIGUSR2: a new process takes over the sockets, and nobody who calls notices."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.conftest import StartGateway
from tests.operations.load import Load, serve
from tests.operations.processes import Successor, adopting, control_plane, lives
from tests.operations.streams import expected, standing
from tests.support.gateway import RunningGateway, minimal
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually


@pytest.fixture(autouse=True)
def adopt() -> Iterator[None]:
    """The new process becomes a child of ours when the old one has ended."""
    with adopting():
        yield


def test_an_upgrade_under_load_fails_nothing(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    upstream.otherwise = serve
    gateway = start_gateway(minimal(upstream.url, server={"drain": "1m"}))
    with Load(gateway) as load:
        load.goes_on()
        os.kill(gateway.pid, signal.SIGUSR2)
        successor = Successor(gateway)
        try:
            assert gateway.process.wait(60) == 0
            load.goes_on()
            assert gateway.health()["status"] == "ready"
            assert control_plane(successor.pid)
            assert load.failures == []
        except BaseException:
            successor.stop()
            raise
    assert successor.stop() == 0


def served_as(gateway: RunningGateway, upstream: ScriptedUpstream) -> str:
    """The model that a request which is served reaches the upstream with."""
    assert gateway.chat().status == 200
    model: str = upstream.requests[-1].json()["model"]
    return model


def test_streams_of_the_old_process_finish(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gateway = start_gateway(minimal(upstream.url, server={"drain": "1m"}))
    with standing(gateway, upstream, 50) as streams:
        gateway.write(minimal(upstream.url, server={"drain": "1m"}, route={"model": "other-model"}))
        os.kill(gateway.pid, signal.SIGUSR2)
        successor = Successor(gateway)
        try:
            gateway.printed("draining")
            upstream.otherwise = serve
            eventually(lambda: served_as(gateway, upstream) == "other-model", "the new process alone serves")
            streams.go_on()
            assert streams.finish() == [expected(number) for number in range(50)]
            assert gateway.process.wait(30) == 0
        finally:
            code = successor.stop()
    assert code == 0


def test_an_upgrade_into_a_bad_configuration_changes_nothing(
    start_gateway: StartGateway, upstream: ScriptedUpstream
) -> None:
    upstream.otherwise = serve
    gateway = start_gateway(minimal(upstream.url))
    with Load(gateway) as load:
        gateway.write("[server\n")
        os.kill(gateway.pid, signal.SIGUSR2)
        gateway.printed("upgrade.failed")
        load.goes_on()
        assert gateway.process.poll() is None
        # And a good one later is not held against it.
        gateway.write(minimal(upstream.url))
        os.kill(gateway.pid, signal.SIGUSR2)
        eventually(lambda: gateway.log.count("upgrade.begun") == 2, "the second upgrade begins")
        successor = Successor(gateway)
        try:
            assert gateway.process.wait(60) == 0
            load.goes_on()
        except BaseException:
            successor.stop()
            raise
    assert successor.stop() == 0


def test_an_end_during_an_upgrade_ends_both(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gateway = start_gateway(minimal(upstream.url))
    os.kill(gateway.pid, signal.SIGUSR2)
    gateway.printed("upgrade.begun")
    os.kill(gateway.pid, signal.SIGTERM)
    assert gateway.process.wait(30) == 0
    eventually(lambda: not lives(Successor(gateway).pid), "the new process ends too")
