"""A gateway with three upstreams behind it, for tests of how requests are routed and what is remembered of failures."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.records.looking import record_of
from tests.support.gateway import (
    ADMIN_TOKEN,
    KEY,
    SERVER_SECRET,
    UPSTREAM_KEY,
    RunningGateway,
    chat_body,
    minimal,
)
from tests.support.reply import AnyReply, Reply
from tests.support.upstream import Received, ScriptedUpstream
from tests.support.wire import Answer, ask, request

NAMES = ("a", "b", "c")


@dataclass(frozen=True)
class Lab:
    """A running gateway whose providers `a`, `b` and `c` are scripted."""

    gateway: RunningGateway
    a: ScriptedUpstream
    b: ScriptedUpstream
    c: ScriptedUpstream

    @property
    def upstreams(self) -> tuple[ScriptedUpstream, ...]:
        """All of them."""
        return self.a, self.b, self.c

    def ask(self, model: str, *headers: tuple[str, str], key: str = KEY, **members: object) -> Answer:
        """A chat completion on a connection of its own."""
        return self.gateway.chat(chat_body(model, **members), *headers, key=key)

    def post(self, path: str, body: object, *headers: tuple[str, str], key: str = KEY) -> Answer:
        """A request to any endpoint on a connection of its own."""
        return ask(self.gateway.address, request(body, headers, key=key, target=path))

    def serves(self, model: str, *headers: tuple[str, str], key: str = KEY, **members: object) -> str:
        """The provider that answers a chat completion, which must succeed."""
        told = self.ask(model, *headers, key=key, **members)
        assert told.status == 200, told.body
        return told.header("x-tollway-provider") or ""

    def times(self, count: int, model: str, *headers: tuple[str, str]) -> list[str]:
        """The providers that answer so many requests, one after the other."""
        return [self.serves(model, *headers) for _ in range(count)]

    def got(self) -> tuple[int, int, int]:
        """How many requests each upstream has got since they were last forgotten."""
        return len(self.a.requests), len(self.b.requests), len(self.c.requests)

    def forget(self) -> None:
        """Let the upstreams forget requests and scripts, and answer as at first."""
        for upstream in self.upstreams:
            upstream.reset()

    def fails(self, *upstreams: ScriptedUpstream, reply: AnyReply) -> None:
        """Let these upstreams answer so from now on."""
        for upstream in upstreams:
            upstream.otherwise = reply

    def record(self, answer: Answer) -> dict[str, Any]:
        """The record of an answered request."""
        return record_of(self.gateway, answer)

    def alerts(self, kind: str) -> list[dict[str, str]]:
        """The alerts of this kind that were logged."""
        lines = [line for line in self.gateway.log.splitlines() if '"event":"alert"' in line]
        told = [json.loads(line)["fields"] for line in lines]
        return [alert for alert in told if alert["kind"] == kind]

    def explain(self, model: str, body: object, key: str = "test") -> dict[str, Any]:
        """What `tollway explain` says of a request, under the same configuration."""
        file = self.gateway.config.with_name("body.json")
        file.write_text(json.dumps(body))
        command = [sys.executable, "-m", "tollway", "explain", "--config", str(self.gateway.config), "--json"]
        command += ["--key", key, "--model", model, "--body", str(file)]
        secrets = {"ADMIN_TOKEN": ADMIN_TOKEN, "SERVER_SECRET": SERVER_SECRET, "UPSTREAM_KEY": UPSTREAM_KEY, "KEY": KEY}
        environment = {**os.environ, **{f"TEST_{name}": secret for name, secret in secrets.items()}}
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
        assert done.stdout, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def target(self, route: str, provider: str) -> dict[str, Any]:
        """What the admin API tells of a target."""
        targets = self.gateway.admin.get("/admin/v1/targets").json()
        found: list[dict[str, Any]] = [one for one in targets if (one["route"], one["provider"]) == (route, provider)]
        assert len(found) == 1, targets
        return found[0]


def late(reply: Reply, seconds: float) -> Callable[[Received], Reply]:
    """An upstream that takes a while."""

    def script(_: Received) -> Reply:
        threading.Event().wait(seconds)
        return reply

    return script


def to(provider: str, model: str, **more: object) -> dict[str, object]:
    """A target."""
    return {"provider": provider, "model": model, **more}


def each(route: str, *providers: str, **more: object) -> dict[str, object]:
    """The targets of the route `route` at these providers, whose model has the route's name: a health of their own."""
    return {"targets": [to(provider, route, **more) for provider in providers]}


@contextlib.contextmanager
def laboratory(
    directory: Path,
    routes: Mapping[str, Any],
    providers: Mapping[str, Any] | None = None,
    **tables: Any,  # noqa: ANN401 - as TOML has them
) -> Iterator[Lab]:
    """Start it. `providers` adds to the settings of `a`, `b` and `c`, or adds others, `at` whose upstream they are."""
    settings = {name: {"at": name} for name in NAMES} | {
        name: {"at": name, **more} for name, more in (providers or {}).items()
    }
    with contextlib.ExitStack() as stack:
        upstreams = {name: stack.enter_context(ScriptedUpstream()) for name in NAMES}

        def provider(settings: Mapping[str, object]) -> dict[str, object]:
            more = {name: value for name, value in settings.items() if name != "at"}
            credential = {} if "api_keys" in more else {"api_key": "key-of-upstreams-0001"}
            base_url = f"{upstreams[str(settings['at'])].url}/v1"
            return {"type": "openai-compatible", "base_url": base_url, **credential, **more}

        text = minimal(
            upstreams["a"].url,
            providers={name: provider(more) for name, more in settings.items()},
            routes={name: {"max_retries": 0, **route} for name, route in routes.items()},
            **tables,
        )
        gateway = stack.enter_context(RunningGateway(text, directory))
        lab = Lab(gateway, upstreams["a"], upstreams["b"], upstreams["c"])
        yield lab
        for upstream in lab.upstreams:
            upstream.release()


def contents(told: Answer) -> str:
    """The text of a chat completion."""
    assert told.status == 200, told.body
    text: str = told.json()["choices"][0]["message"]["content"]
    return text
