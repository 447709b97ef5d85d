"""The control plane may die: no request fails, no stream is cut, and it comes back."""

from __future__ import annotations

import os
import signal
import threading

import httpx
import pytest

from tests.conftest import StartGateway
from tests.operations.load import Load, serve
from tests.operations.processes import control_plane
from tests.operations.streams import expected, standing
from tests.support.gateway import minimal
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually


def answers(url: str) -> bool:
    """Whether `/metrics` of the control plane answers."""
    try:
        return httpx.get(f"{url}/metrics", timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_its_death_under_load_fails_nothing(
    start_gateway: StartGateway, upstream: ScriptedUpstream, number: signal.Signals
) -> None:
    upstream.otherwise = serve
    gateway = start_gateway(minimal(upstream.url))
    with Load(gateway) as load:
        for _ in range(2):
            load.goes_on()
            killed = control_plane(gateway.pid)
            os.kill(killed, number)
            load.goes_on()
            eventually(lambda: answers(gateway.admin_url), "/metrics answers again", 30)
            assert control_plane(gateway.pid) != killed
    assert gateway.process.poll() is None


def test_streams_that_stand_outlive_it(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gateway = start_gateway(minimal(upstream.url))
    with standing(gateway, upstream, 50) as streams:
        os.kill(control_plane(gateway.pid), signal.SIGKILL)
        eventually(lambda: answers(gateway.admin_url), "/metrics answers again", 30)
        assert gateway.health()["in_flight"] == 50
        streams.go_on()
        assert streams.finish() == [expected(number) for number in range(50)]


def test_one_that_hangs_stops_nobody(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    upstream.otherwise = serve
    gateway = start_gateway(minimal(upstream.url))
    child = control_plane(gateway.pid)
    os.kill(child, signal.SIGSTOP)
    try:
        asking = threading.Thread(target=answers, args=(gateway.admin_url,))
        asking.start()
        with Load(gateway) as load:
            load.goes_on()
            generation_is_new = minimal(upstream.url, route={"model": "other-model"})
            gateway.write(generation_is_new)
            os.kill(gateway.pid, signal.SIGHUP)
            gateway.printed("config.reloaded")
            load.goes_on()
        assert upstream.requests[-1].json()["model"] == "other-model"
    finally:
        os.kill(child, signal.SIGCONT)
    asking.join()
    assert answers(gateway.admin_url)


def test_an_end_while_it_hangs_is_still_an_end(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gateway = start_gateway(minimal(upstream.url))
    os.kill(control_plane(gateway.pid), signal.SIGSTOP)
    assert gateway.stop() == 0
