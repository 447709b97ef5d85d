"""One gateway for all tests that need no settings of their own, with two upstreams behind it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.pipeline.lab import Lab
from tests.support.gateway import RunningGateway, chat_body, minimal
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually
from tests.support.wire import Answer, Wire, request

SECOND_KEY = "canary-second-upstream-key"
NARROW_KEY = "canary-narrow-virtual-key"
REVOKED_KEY = "canary-revoked-virtual-key"
EXPIRED_KEY = "canary-expired-virtual-key"
TEAM_KEY = "canary-team-virtual-key"
POLICY_KEY = "canary-policy-virtual-key"
IMPOSSIBLE_KEY = "canary-impossible-virtual-key"

LIMITED_FALLBACKS = ("limited-fallback-1", "limited-fallback-2", "limited-fallback-3")
LIMITED = ("limited", *LIMITED_FALLBACKS, "limited-retrying")
INERT = {
    "breaker": {"consecutive": 0, "min_requests": 100_000},
    "retry_budget": {"share": 1.0, "floor": 1000.0},
}
"""What lets a gateway remember no failures, for tests that script many of them."""


@dataclass(frozen=True)
class Road:
    """A running gateway and the upstreams behind it."""

    gateway: RunningGateway
    upstream: ScriptedUpstream
    second: ScriptedUpstream

    def chat(
        self, body: object = None, *headers: tuple[str, str], model: str = "m", key: str | None = RunningGateway.key
    ) -> Answer:
        """A chat completion on a connection of its own."""
        return self.gateway.chat(chat_body(model) if body is None else body, *headers, key=key)

    def stream(self, model: str = "m", *headers: tuple[str, str], **members: object) -> Answer:
        """A streamed chat completion on a connection of its own, read to its end."""
        return self.gateway.chat(chat_body(model, stream=True, **members), *headers)

    def begin(self, body: object = None, *headers: tuple[str, str]) -> Wire:
        """A connection on which a request was sent and nothing read; the caller closes it."""
        wire = self.gateway.connect()
        wire.send(request(chat_body() if body is None else body, headers, key=self.gateway.key))
        return wire

    def works(self) -> None:
        """Check that an ordinary request on a new connection is served."""
        self.upstream.reset()
        answer = self.gateway.chat()
        assert answer.status == 200, answer.body
        assert len(self.upstream.requests) == 1

    def rests(self) -> None:
        """Check that nothing is left over: no caller's connection, no request, no upstream call."""
        self.gateway.settled()
        # What is left open to an upstream is idle in a worker's pool, ready for the next request.
        for one in (self.upstream, self.second):
            eventually(lambda one=one: one.busy == 0, "no upstream call goes on")  # type: ignore[misc]


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def configuration(upstream: ScriptedUpstream, second: ScriptedUpstream) -> str:
    """The configuration of the shared gateway."""
    up, other = {"provider": "up"}, {"provider": "second"}
    return minimal(
        upstream.url,
        provider={"region": "us", "tags": ["baa"]},
        providers={
            "second": {
                "type": "openai",
                "base_url": f"{second.url}/v1",
                "api_key": "env:TEST_SECOND_KEY",
                "region": "eu",
            },
            "nowhere": {
                "type": "openai",
                "base_url": f"http://127.0.0.1:{closed_port()}/v1",
                "api_key": "env:TEST_SECOND_KEY",
            },
        },
        routes={
            "retrying": {**up, "model": "up-model", "max_retries": 2},
            # What is limited stays so: each of these is for one test.
            "limited": {**up, "model": "limited", "max_retries": 0},
            "limited-retrying": {**up, "model": "limited-retrying", "max_retries": 2},
            **{
                name: {
                    "strategy": "fallback",
                    "max_retries": 0,
                    "targets": [{**up, "model": f"{name}-first"}, {**other, "model": f"{name}-second"}],
                }
                for name in LIMITED_FALLBACKS
            },
            "fallback": {
                "strategy": "fallback",
                "max_retries": 0,
                "targets": [{**up, "model": "first-model"}, {**other, "model": "second-model"}],
            },
            "retrying-fallback": {
                "strategy": "fallback",
                "targets": [
                    {**up, "model": "first-model", "max_retries": 1},
                    {**other, "model": "second-model", "max_retries": 1},
                ],
            },
            "from-nowhere": {
                "strategy": "fallback",
                "max_retries": 0,
                "targets": [{"provider": "nowhere", "model": "x"}, {**up, "model": "up-model"}],
            },
            "nowhere": {"provider": "nowhere", "model": "x", "max_retries": 0},
            "timeout-fallback": {
                "strategy": "fallback",
                "max_retries": 0,
                "targets": [{**up, "model": "first-model", "timeout": "200ms"}, {**other, "model": "second-model"}],
            },
            "brief-first-token": {**up, "model": "up-model", "max_retries": 0, "first_token": "200ms"},
            "brief-idle": {**up, "model": "up-model", "max_retries": 0, "idle": "200ms"},
            "brief-total": {**up, "model": "up-model", "max_retries": 0, "timeout": "400ms"},
            "org/model:1": {**up, "model": "up-model", "max_retries": 0},
        },
        resilience=INERT,
        teams={"narrow": {"models": ["m", "fallback"]}},
        keys={
            "narrow": {"secret": "env:TEST_NARROW_KEY", "models": ["m"]},
            "revoked": {"secret": "env:TEST_REVOKED_KEY", "revoked": True},
            "expired": {"secret": "env:TEST_EXPIRED_KEY", "expires": "2020-01-01T00:00:00Z"},
            "of-team": {"secret": "env:TEST_TEAM_KEY", "team": "narrow", "models": ["m", "retrying"]},
            "policy": {"secret": "env:TEST_POLICY_KEY", "data_policy": {"regions": ["eu"]}},
            "impossible": {
                "secret": "env:TEST_IMPOSSIBLE_KEY",
                "data_policy": {"regions": ["eu"], "require_tags": ["baa"]},
            },
        },
    )


ENVIRONMENT = {
    "TEST_SECOND_KEY": SECOND_KEY,
    "TEST_NARROW_KEY": NARROW_KEY,
    "TEST_REVOKED_KEY": REVOKED_KEY,
    "TEST_EXPIRED_KEY": EXPIRED_KEY,
    "TEST_TEAM_KEY": TEAM_KEY,
    "TEST_POLICY_KEY": POLICY_KEY,
    "TEST_IMPOSSIBLE_KEY": IMPOSSIBLE_KEY,
}


@pytest.fixture(scope="session")
def shared_road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    """Started once for all tests."""
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(ScriptedUpstream())
        second = stack.enter_context(ScriptedUpstream())
        gateway = stack.enter_context(
            RunningGateway(configuration(upstream, second), tmp_path_factory.mktemp("road"), **ENVIRONMENT)
        )
        yield Road(gateway, upstream, second)


@pytest.fixture
def road(shared_road: Road) -> Iterator[Road]:
    """The shared one; after each test it must serve on, and nothing may be left over."""
    shared_road.upstream.reset()
    shared_road.second.reset()
    yield shared_road
    shared_road.upstream.release()
    shared_road.second.release()
    shared_road.works()
    shared_road.rests()


@pytest.fixture
def lab(started: Lab) -> Lab:
    """The module's own gateway, `started`, with upstreams that have forgotten the test before."""
    started.forget()
    return started
