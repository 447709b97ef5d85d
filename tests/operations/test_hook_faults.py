"""A hook that does not come back holds up nobody but itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operations.hooked import hook, hooked_gateway, release
from tests.operations.load import Load, serve
from tests.support.errors import is_error
from tests.support.gateway import RunningGateway, chat_body
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually
from tests.support.wire import request

STUCK = ("sleeps", "burns", "never", "blocks_the_loop", "waits")
THREADS = 2


@pytest.fixture
def gateway(request: pytest.FixtureRequest, tmp_path: Path, upstream: ScriptedUpstream) -> Iterator[RunningGateway]:
    """A gateway with two threads for hooks, and routes of which the hook named by the parameter never comes back."""
    upstream.otherwise = serve
    stuck = request.param
    routes = {
        "closed": [hook(stuck, timeout="50ms")],
        "open": [hook(stuck, timeout="50ms", on_failure="open")],
        "patient": [hook(stuck, timeout="1h")],
        "plain": [hook("flags", timeout="1h")],
        "async": [hook("flags_async", timeout="1h")],
    }
    with hooked_gateway(upstream.url, tmp_path / "hooked", routes, THREADS) as gateway:
        yield gateway
        release(gateway)
        assert gateway.stop() == 0


@pytest.mark.parametrize("gateway", STUCK, indirect=True)
def test_other_routes_are_served_while_it_is_stuck(gateway: RunningGateway) -> None:
    with Load(gateway) as load:
        for _ in range(6):
            is_error(gateway.chat(chat_body("closed")), 503, "hook_failed")
            seen = gateway.chat(chat_body("open"))
            assert seen.status == 200
            assert (seen.header("x-tollway-flags") or "").startswith("hook-failed:policies:")
            load.goes_on(2)
    gateway.settled()


@pytest.mark.parametrize("gateway", ["never"], indirect=True)
def test_without_a_free_thread_on_failure_applies_at_once(gateway: RunningGateway) -> None:
    for _ in range(THREADS):
        assert "longer than its timeout" in is_error(gateway.chat(chat_body("closed")), 503, "hook_failed")["message"]
    # That these have an hour's time and are answered shows that nobody waited for a thread.
    for model in ("patient", "plain"):
        assert "busy" in is_error(gateway.chat(chat_body(model)), 503, "hook_failed")["message"]
    opened = gateway.chat(chat_body("open"))
    assert (opened.status, gateway.chat(chat_body("async")).status) == (200, 200)


@pytest.mark.parametrize("gateway", ["burns"], indirect=True)
def test_threads_that_come_back_are_used_again(gateway: RunningGateway) -> None:
    for _ in range(THREADS + 1):
        is_error(gateway.chat(chat_body("closed")), 503, "hook_failed")
    release(gateway)
    eventually(lambda: gateway.chat(chat_body("plain")).status == 200, "a thread is free again")
    for _ in range(10):
        assert gateway.chat(chat_body("patient")).header("x-tollway-flags") == "released"


@pytest.mark.parametrize("gateway", ["blocks_the_loop"], indirect=True)
def test_a_blocked_loop_holds_up_asynchronous_hooks_only(gateway: RunningGateway) -> None:
    is_error(gateway.chat(chat_body("closed")), 503, "hook_failed")
    for _ in range(5):
        assert gateway.chat(chat_body("plain")).status == 200
    release(gateway)
    assert gateway.chat(chat_body("async")).status == 200


@pytest.mark.parametrize("gateway", ["waits"], indirect=True)
def test_an_asynchronous_hook_that_is_late_is_cancelled(gateway: RunningGateway) -> None:
    is_error(gateway.chat(chat_body("closed")), 503, "hook_failed")
    eventually((gateway.folder / "cancelled").exists, "the hook is cancelled")


@pytest.mark.parametrize("gateway", ["sleeps"], indirect=True)
def test_a_caller_who_leaves_while_a_hook_runs(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    with gateway.connect() as wire:
        wire.send(request(chat_body("patient"), key=gateway.key))
        eventually(lambda: gateway.health()["in_flight"] == 1, "the hook is asked")
    gateway.settled()
    assert upstream.requests == []
    assert gateway.chat().status == 200
