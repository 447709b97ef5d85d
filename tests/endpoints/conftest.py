"""One gateway for the endpoints besides chat, with two upstreams behind it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import openai
import pytest

from tests.support.gateway import KEY, RunningGateway, minimal
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually
from tests.support.wire import Answer, ask

KEYS = {
    name: f"canary-{name}-virtual-key" for name in ("files", "through", "both", "guarded", "open", "europe", "images")
}
PII = {"type": "pii", "entities": ["email"], "on": "both", "action": "mask", "on_failure": "closed"}


@dataclass(frozen=True)
class Bench:
    """A running gateway and what is behind it."""

    gateway: RunningGateway
    upstream: ScriptedUpstream
    second: ScriptedUpstream

    def client(self, key: str = KEY, **headers: str) -> openai.OpenAI:
        """The stock client."""
        return openai.OpenAI(
            base_url=f"{self.gateway.url}/v1", api_key=key, max_retries=0, default_headers=headers, timeout=60
        )

    def ask(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        *,
        key: str | None = KEY,
    ) -> Answer:
        """One request, written by hand."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        lines = [f"{method} {target} HTTP/1.1", "host: gateway"]
        lines += [f"authorization: Bearer {key}"] if key is not None else []
        lines += [f"{name}: {value}" for name, value in pairs]
        if body is not None and not any(line.lower().startswith("content-length") for line in lines):
            lines.append(f"content-length: {len(body)}")
        data = "\r\n".join([*lines, "", ""]).encode() + (body or b"")
        return ask(self.gateway.address, data, bodiless=method == "HEAD")

    def post(self, target: str, body: object, *, key: str = KEY) -> Answer:
        """JSON, posted."""
        return self.ask("POST", target, json.dumps(body).encode(), {"content-type": "application/json"}, key=key)

    def record(self, answer_id: str | None) -> dict[str, Any]:
        """The record of the request with this id, awaited."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            answer = self.gateway.admin.get(f"/admin/v1/requests/{answer_id}")
            if answer.status_code == 200:
                found.append(answer.json())
            return bool(found)

        eventually(look, "the record is there")
        return found[0]


def error(answer: Answer, status: int, code: str, param: str | None = None) -> str:
    """Check an error in OpenAI's form; its message."""
    assert answer.status == status, (answer.status, answer.body)
    said = answer.json()["error"]
    assert set(said) == {"message", "type", "param", "code"}
    assert said["code"] == code, said
    assert param is None or said["param"] == param, said
    assert "canary" not in answer.body.decode()
    message: str = said["message"]
    return message


def configuration(upstream: ScriptedUpstream, second: ScriptedUpstream) -> str:
    """The configuration of the shared gateway."""
    fallback = {
        "strategy": "fallback",
        "max_retries": 0,
        "targets": [{"provider": "up", "model": "first-model"}, {"provider": "second", "model": "second-model"}],
    }
    claude = {"provider": "claude", "model": "claude-x"}
    price = {"input_per_mtok": 1, "output_per_mtok": 2, "image_output_per_mtok": 4, "audio_input_per_mtok": 3}
    piece = {"input_per_mtok": 0, "output_per_mtok": 0, "per_audio_minute": 0.006, "per_million_characters": 15}
    return minimal(
        upstream.url,
        provider={
            "region": "us",
            "prices": {"up-model": price, "by-piece": {**piece, "per_image": 0.04}},
        },
        server={"max_upload": "64MiB", "max_body": "1MiB", "body_timeout": "30s"},
        providers={
            "second": {"type": "openai", "base_url": f"{second.url}/v1", "api_key": "env:TEST_SECOND_KEY"},
            "claude": {"type": "anthropic", "base_url": f"{second.url}/v1", "api_key": "env:TEST_SECOND_KEY"},
        },
        routes={
            "fallback": fallback,
            "pieces": {"provider": "up", "model": "by-piece", "max_retries": 0},
            "retrying": {"provider": "up", "model": "up-model", "max_retries": 1},
            "claude": {**claude, "max_retries": 0},
            "claude-first": {
                "strategy": "fallback",
                "max_retries": 0,
                "targets": [claude, {"provider": "up", "model": "up-model"}],
            },
            "guarded": {"provider": "up", "model": "up-model", "max_retries": 0, "guardrails": [PII]},
        },
        resilience={
            "breaker": {"consecutive": 0, "min_requests": 100_000},
            "retry_budget": {"share": 1.0, "floor": 1000.0},
        },
        keys={
            "files": {"secret": "env:TEST_FILES", "files": ["up"]},
            "through": {"secret": "env:TEST_THROUGH", "passthrough": ["up", "claude"]},
            "both": {"secret": "env:TEST_BOTH", "files": ["up", "claude"]},
            "guarded": {"secret": "env:TEST_GUARDED", "passthrough": ["up"], "guardrails": [PII]},
            "open": {
                "secret": "env:TEST_OPEN",
                "passthrough": ["up"],
                "guardrails": [{**PII, "on_failure": "open"}],
            },
            "europe": {"secret": "env:TEST_EUROPE", "passthrough": ["up"], "data_policy": {"regions": ["eu"]}},
            "images": {"secret": "env:TEST_IMAGES", "models": ["pieces"]},
        },
    )


@pytest.fixture(scope="session")
def shared_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Started once for all tests."""
    secrets = {f"TEST_{name.upper()}": key for name, key in KEYS.items()}
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(ScriptedUpstream())
        second = stack.enter_context(ScriptedUpstream())
        folder = tmp_path_factory.mktemp("endpoints")
        text = configuration(upstream, second)
        gateway = stack.enter_context(
            RunningGateway(text, folder, TEST_SECOND_KEY="canary-second-upstream-key", **secrets)
        )
        yield Bench(gateway, upstream, second)


@pytest.fixture
def bench(shared_bench: Bench) -> Iterator[Bench]:
    """The shared one; after each test nothing may be left over."""
    shared_bench.upstream.reset()
    shared_bench.second.reset()
    yield shared_bench
    shared_bench.upstream.release()
    shared_bench.second.release()
    eventually(lambda: shared_bench.gateway.health()["in_flight"] == 0, "nothing is in flight")
    for one in (shared_bench.upstream, shared_bench.second):
        eventually(lambda one=one: one.busy == 0, "no upstream call goes on")  # type: ignore[misc]
