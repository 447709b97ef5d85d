"""The end: nothing new, and what runs finishes in its time."""

from __future__ import annotations

import os
import re
import signal

import httpx

from tests.conftest import StartGateway
from tests.operations.processes import control_plane, lives
from tests.operations.streams import expected, standing
from tests.support.gateway import RunningGateway, chat_body, minimal
from tests.support.reply import Gate, completion, whole
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually
from tests.support.wire import EndedError, Wire, request


def refused(gateway: RunningGateway) -> bool:
    """Whether a new connection gets nowhere: refused, ended without an answer, or told 503."""
    try:
        # Of a route that there is not, so that what is still let in ends at once.
        return gateway.chat(chat_body("none-such")).status == 503
    except (ConnectionError, EndedError):
        return True


def begin_drain(gateway: RunningGateway) -> None:
    """Send SIGTERM, and wait until it is acted on."""
    os.kill(gateway.pid, signal.SIGTERM)
    gateway.printed("draining")


def ended_by_another_signal(gateway: RunningGateway) -> bool:
    """Whether it has ended; if not, it is sent one more SIGTERM."""
    if gateway.process.poll() is not None:
        return True
    os.kill(gateway.pid, signal.SIGTERM)
    return False


def test_running_streams_finish_and_new_ones_are_refused(
    start_gateway: StartGateway, upstream: ScriptedUpstream
) -> None:
    gateway = start_gateway(minimal(upstream.url, server={"drain": "1m"}))
    with standing(gateway, upstream, 20) as streams:
        begin_drain(gateway)
        eventually(lambda: refused(gateway), "new connections are refused")
        assert [refused(gateway) for _ in range(20)] == [True] * 20
        assert gateway.process.poll() is None
        streams.go_on()
        assert streams.finish() == [expected(number) for number in range(20)]
        assert streams.ends() == [b""] * 20
    assert gateway.process.wait(30) == 0
    assert re.search(r'"drained", "finished": true', gateway.log)
    assert len(upstream.requests) == 20


def test_a_running_request_finishes_and_says_that_the_connection_closes(
    start_gateway: StartGateway, upstream: ScriptedUpstream
) -> None:
    gateway = start_gateway(minimal(upstream.url, server={"drain": "1m"}))
    gate = Gate()
    held = whole(completion())
    upstream.script(type(held)(body=(gate, *held.body)))
    with gateway.connect() as wire:
        wire.send(request(chat_body(), key=gateway.key))
        upstream.take()
        begin_drain(gateway)
        eventually(lambda: refused(gateway), "new connections are refused")
        gate.open()
        seen = wire.answer()
        assert (seen.status, seen.header("connection")) == (200, "close")
        assert wire.rest() == b""
    assert gateway.process.wait(30) == 0


def test_an_idle_connection_ends(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gateway = start_gateway(minimal(upstream.url, server={"drain": "1h", "head_timeout": "1h"}))
    with Wire(gateway.address) as used, Wire(gateway.address) as unused:
        used.send(request(chat_body(), key=gateway.key))
        assert used.answer().status == 200
        begin_drain(gateway)
        assert used.rest() == b""
        assert unused.rest() == b""
    assert gateway.process.wait(30) == 0


def test_readiness_says_so_and_the_control_plane_stays_until_the_end(
    start_gateway: StartGateway, upstream: ScriptedUpstream
) -> None:
    gateway = start_gateway(minimal(upstream.url, server={"drain": "1m"}))
    ready = f"{gateway.admin_url}/health/ready"
    assert httpx.get(ready, trust_env=False).json() == {"status": "ready", "data_plane": "ready"}
    with standing(gateway, upstream, 1) as streams:
        begin_drain(gateway)
        eventually(lambda: gateway.health()["status"] == "draining", "health says that it drains")
        seen = httpx.get(ready, trust_env=False)
        assert (seen.status_code, seen.json()["data_plane"]) == (503, "draining")
        streams.go_on()
        streams.finish()
    assert gateway.process.wait(30) == 0


def test_what_does_not_finish_in_its_time_is_cut(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gateway = start_gateway(minimal(upstream.url, server={"drain": "200ms"}))
    with standing(gateway, upstream, 3) as streams:
        begin_drain(gateway)
        for rest in streams.ends():
            assert b"[DONE]" not in rest
    assert gateway.process.wait(30) == 0
    assert re.search(r'"drained", "finished": false', gateway.log)
    eventually(lambda: upstream.open == 0, "no call to the upstream goes on")


def test_a_second_signal_ends_it_at_once(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gateway = start_gateway(minimal(upstream.url, server={"drain": "1h"}))
    child = control_plane(gateway.pid)
    with standing(gateway, upstream, 1):
        begin_drain(gateway)
        # One that follows at once is taken for the first: an operator who insists sends another.
        eventually(lambda: ended_by_another_signal(gateway), "it ends")
        assert gateway.process.returncode == 1
    eventually(lambda: not lives(child), "the control plane ends too")


def test_ctrl_c_is_an_orderly_end(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gateway = start_gateway(minimal(upstream.url))
    os.kill(gateway.pid, signal.SIGINT)
    assert gateway.process.wait(30) == 0


def test_the_control_plane_does_not_outlive_a_gateway_that_is_killed(
    start_gateway: StartGateway, upstream: ScriptedUpstream
) -> None:
    gateway = start_gateway(minimal(upstream.url))
    child = control_plane(gateway.pid)
    gateway.process.kill()
    gateway.process.wait()
    eventually(lambda: not lives(child), "the control plane ends too")
