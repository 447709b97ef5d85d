"""One gateway for all clients, which get nothing but its base URL and a virtual key."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import openai
import pytest

from tests.support.gateway import RunningGateway, minimal
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually

# LiteLLM would ask the internet for prices when it is imported.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

NARROW_KEY = "canary-narrow-virtual-key"


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the clients are made for."""
    return "asyncio"


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    """An upstream of the module's own."""
    with ScriptedUpstream() as running:
        yield running


@dataclass(frozen=True)
class Shop:
    """A running gateway with a scripted upstream (`m`) and the bundled mock provider (`mock` and its kin)."""

    gateway: RunningGateway
    upstream: ScriptedUpstream

    @property
    def base_url(self) -> str:
        """What a client is given."""
        return f"{self.gateway.url}/v1"

    @property
    def key(self) -> str:
        """And its key."""
        return self.gateway.key


def _configuration(upstream: ScriptedUpstream) -> str:
    mock = {"model": "mock-model", "max_retries": 0}
    return minimal(
        upstream.url,
        providers={
            "mock": {"type": "mock", "chunks": 8},
            "mock-slow": {"type": "mock", "chunks": 1000, "chunk_gap": "20ms"},
            "mock-limited": {"type": "mock", "error": 429},
            "mock-away": {"type": "mock", "error": 503},
            "mock-cut": {"type": "mock", "chunks": 8, "cut_after": 900},
        },
        routes={
            name: {"provider": name, **mock} for name in ("mock", "mock-slow", "mock-limited", "mock-away", "mock-cut")
        },
        keys={"narrow": {"secret": "env:TEST_NARROW_KEY", "models": ["m"]}},
    )


@pytest.fixture(scope="session")
def shared_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Started once for all tests of the clients."""
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(ScriptedUpstream())
        folder = tmp_path_factory.mktemp("shop")
        gateway = RunningGateway(_configuration(upstream), folder, TEST_NARROW_KEY=NARROW_KEY)
        yield Shop(stack.enter_context(gateway), upstream)


@pytest.fixture
def shop(shared_shop: Shop) -> Iterator[Shop]:
    """The shared one; after each test nothing may be running any more."""
    shared_shop.upstream.reset()
    yield shared_shop
    shared_shop.upstream.release()
    eventually(lambda: shared_shop.gateway.health()["in_flight"] == 0, "no request runs any more")
    eventually(lambda: shared_shop.upstream.busy == 0, "no upstream call goes on")


@pytest.fixture
def client(shop: Shop) -> Iterator[openai.OpenAI]:
    """The stock client, which does not retry by itself."""
    with openai.OpenAI(base_url=shop.base_url, api_key=shop.key, max_retries=0, timeout=30) as made:
        yield made
