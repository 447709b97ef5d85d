"""Recorded traffic of images, audio, files and batches: what each side said reaches the other without loss."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.endpoints.conftest import Bench
from tests.support.gateway import KEY, RunningGateway, minimal
from tests.support.reply import Reply
from tests.support.upstream import Received, ScriptedUpstream
from tests.support.wire import Answer
from tests.wire.test_recorded import WIRE

RECORDINGS = WIRE / "recordings.jsonl.gz"
URL = re.compile(r'"url": ?"([^"]*)"')
ENDPOINTS = re.compile(r"/(images|audio)/|/files\b|/batches\b")
MEDIA = re.compile(r"^/v1/(images|audio)/")
BASES = {"gemini": ["/v1beta", "/upload/v1beta"], "openrouter": ["/api/v1"]}
"""Where a provider's base URL ends, where that is not at /v1."""

pytestmark = pytest.mark.skipif(not RECORDINGS.exists(), reason=f"no recorded traffic at {WIRE} (set TOLLWAY_WIRE)")


@cache
def recordings() -> list[dict[str, Any]]:
    if not RECORDINGS.exists():
        return []
    with gzip.open(RECORDINGS, "rt") as lines:
        likely = (json.loads(line) for line in lines if (url := URL.search(line)) and ENDPOINTS.search(url[1]))
        # Seven hold no answer: neither a status nor a body was recorded.
        return [one for one in likely if one["status"] and ENDPOINTS.search(urlsplit(one["url"]).path)]


def below(recording: dict[str, Any]) -> tuple[str, str]:
    """The base of the recorded URL, and what follows it."""
    path = urlsplit(recording["url"])._replace(scheme="", netloc="").geturl()
    bases = [*BASES.get(recording["provider"], []), "/v1"]
    base = next(base for base in bases if path.startswith(f"{base}/"))
    return base, path.removeprefix(base)


def content(body: dict[str, Any] | None) -> bytes:
    """A recorded body: text, or base64 where it is binary."""
    if not body:
        return b""
    if "json" in body:
        return json.dumps(body["json"]).encode()
    if "b64" in body:
        return base64.b64decode(body["b64"])
    text: str = body.get("text", "")
    return text.encode()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(ScriptedUpstream())
        kinds = {"anthropic": "anthropic", "gemini": "gemini"}
        places = {(one["provider"], below(one)[0]) for one in recordings()}
        providers = {
            f"{provider}{base.replace('/', '-')}": {
                "type": kinds.get(provider, "openai-compatible"),
                "base_url": f"{upstream.url}{base}",
                "api_key": "env:TEST_UPSTREAM_KEY",
            }
            for provider, base in places
        }
        models = {str(one["req"]["json"]["model"]) for one in recordings() if "model" in one["req"].get("json", {})}
        models |= {"gpt-4o-transcribe", "whisper-1", "unnamed"}
        routes = {
            f"{name}/{model}": {"provider": name, "model": model, "max_retries": 0}
            for name in providers
            for model in models
            if not name.startswith(("anthropic", "gemini"))
        }
        keys = {"test": {"secret": "env:TEST_KEY", "files": list(providers), "passthrough": list(providers)}}
        text = minimal(upstream.url, providers=providers, routes=routes, keys=keys)
        gateway = stack.enter_context(RunningGateway(text, tmp_path_factory.mktemp("recorded")))
        yield Bench(gateway, upstream, upstream)


@dataclass(frozen=True)
class Played:
    """One recording, as it is sent through the gateway and compared."""

    recording: dict[str, Any]
    base: str
    path: str
    said: bytes
    kind: str
    media: bool
    """Whether it goes by a route, whose name stands in place of the model."""

    @property
    def provider(self) -> str:
        return f"{self.recording['provider']}{self.base.replace('/', '-')}"

    @property
    def is_form(self) -> bool:
        return self.said.startswith(b"--")

    @property
    def where(self) -> str:
        own = self.media or (self.base == "/v1" and not MEDIA.match(f"/v1{self.path}"))
        return f"/v1{self.path}" if own else f"/passthrough/{self.provider}{self.path}"

    def body(self) -> bytes:
        """What the caller sends."""
        if not self.media:
            return self.said
        if self.is_form:
            return re.sub(rb'(name="model"\r\n\r\n)(.*?)\r\n', rb"\1%s/\2\r\n" % self.provider.encode(), self.said)
        asked = json.loads(self.said)
        return json.dumps({**asked, "model": f"{self.provider}/{asked.get('model', 'unnamed')}"}).encode()

    def reply(self) -> Reply:
        """What the provider answered."""
        kind = self.recording["resp_headers"].get("content-type", "application/json")
        body = content(self.recording["resp"])
        body = base64.b64decode(body) if kind.startswith("audio/") else body
        return Reply(status=self.recording["status"], headers=(("content-type", kind),), body=(body,))

    def arrived(self, received: Received) -> None:
        """Check what reached the provider."""
        assert received.target == f"{self.base}{self.path}"
        if not self.media:
            assert received.body == self.said
        elif self.is_form:
            # Fields go before files, and their heads are written anew.
            assert sorted(received.body.lower().split(b"\r\n")) == sorted(self.said.lower().split(b"\r\n"))
        else:
            assert received.json() == {"model": "unnamed", **json.loads(self.said)}

    def came_back(self, given: Answer) -> None:
        """Check what reached the caller."""
        reply = self.reply()
        if 300 <= reply.status < 400:
            assert given.status == 502
            return
        assert given.status == reply.status, given.body
        if reply.status < 300:
            assert (given.body, given.header("content-type")) == (*reply.body, reply.headers[0][1])
        else:
            assert given.json()["error"]["message"] == json.loads(reply.body[0])["error"]["message"]  # type: ignore[arg-type]


def played(recording: dict[str, Any]) -> Played:
    base, path = below(recording)
    said = content(recording["req"])
    known = {name.lower(): value for name, value in recording["req_headers"].items()}
    kind = known.get("content-type") or ("application/json" if said else "")
    # Text that stands for a form that was cut out of a recording is none.
    whole = "json" in recording["req"] or ("multipart/" in kind and said.startswith(b"--"))
    return Played(recording, base, path, said, kind, whole and MEDIA.match(f"/v1{path}") is not None)


def test_every_recording(bench: Bench) -> None:
    seen: Counter[str] = Counter()
    for recording in recordings():
        one = played(recording)
        bench.upstream.reset()
        bench.upstream.script(one.reply())
        headers = {"x-tollway-provider": one.provider, **({"content-type": one.kind} if one.said else {})}
        given = bench.ask(recording["method"], one.where, one.body() or None, headers, key=KEY)
        one.came_back(given)
        one.arrived(bench.upstream.take())
        seen.update(kind for kind in ("images", "audio", "messages/batches", "files") if f"/{kind}" in one.path)
    assert seen["messages/batches"] == 27
    assert seen["images"] >= 11
    assert seen["audio"] >= 5
    assert seen["files"] >= 20
