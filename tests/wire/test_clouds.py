"""Recorded traffic of the clouds, through a running gateway: it goes where it went, and comes back as it came."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest

from tests.support import sse
from tests.support.gateway import RunningGateway, minimal
from tests.support.reply import Reply
from tests.support.upstream import ScriptedUpstream
from tests.support.wire import CHAT, Answer, Json, ask, request
from tests.wire.test_recorded import WIRE

RECORDINGS = WIRE / "recordings.jsonl.gz"
CLOUDS = ("azure", "vertex")
PATHS = {"chat": CHAT, "responses": "/v1/responses", "embeddings": "/v1/embeddings"}

pytestmark = pytest.mark.skipif(not RECORDINGS.exists(), reason=f"no recorded traffic at {WIRE} (set TOLLWAY_WIRE)")


@dataclass(frozen=True)
class Recorded:
    """One recorded request, and the route that leads where it went."""

    api: str
    route: str
    place: tuple[tuple[str, str], ...]
    """The settings of the provider, but for its address."""
    base: str
    """The path that its address has."""
    model: str
    target: str
    asked: Json
    status: int
    kind: str
    answered: bytes
    stream: bool

    def reply(self) -> Reply:
        """The recorded answer."""
        framing: Any = "chunked" if self.stream else "length"
        return Reply(self.status, (("content-type", self.kind),), (self.answered,), framing=framing)


def _recorded() -> Iterator[Recorded]:
    with gzip.open(RECORDINGS, "rt") as lines:
        for line in lines:
            one = json.loads(line)
            if one["provider"] in CLOUDS and one["status"] is not None and "json" in one["req"]:
                yield _read(one)


def _read(one: Json) -> Recorded:
    # One recorder took the query off.
    dated = "?api-version=2024-10-21" if "/deployments/" in one["url"] and "?" not in one["url"] else ""
    url = urlsplit(re.sub(r"<[A-Z_]+>", "x", one["url"]) + dated)
    path = re.sub("^//", "/", url.path)
    place, base, model = (_azure if one["provider"] == "azure" else _vertex)(url, path, one["req"]["json"])
    query = "" if one["provider"] == "vertex" and not one["stream"] else f"?{url.query}" if url.query else ""
    target = f"{path}{query if '%24alt' not in query else '?alt=sse'}"
    route = re.sub(r"[^a-z0-9]+", "-", f"{place} {base} {model}".lower()).strip("-")
    kind = one["resp_headers"].get("content-type", "application/json")
    return Recorded(
        *(one["api"], route, tuple(place.items()), base, model, target, one["req"]["json"]),
        *(one["status"], kind, _bytes(one["resp"]), one["stream"]),
    )


def _bytes(kept: Json) -> bytes:
    """An answer's bytes; some recorders kept them in base64 as their text."""
    if "b64" in kept:
        return base64.b64decode(kept["b64"])
    text: str = kept["text"]
    is_base64 = re.fullmatch(r"[A-Za-z0-9+/\s]{40,}={0,2}\s*", text)
    return base64.b64decode(text) if is_base64 else text.encode()


def _azure(url: SplitResult, path: str, asked: Json) -> tuple[dict[str, str], str, str]:
    dated = re.search(r"api-version=([^&]+)", url.query)
    version = {"api_version": dated[1]} if dated else {}
    deployed = re.match(r"/openai/deployments/([^/]+)/", path)
    kind = "azure-foundry" if path.startswith("/models/") else "azure"
    return {"type": kind, **version}, "", deployed[1] if deployed else asked["model"]


def _vertex(_url: SplitResult, path: str, _asked: Json) -> tuple[dict[str, str], str, str]:
    base, model = path.split("/publishers/google/models/")
    return {"type": "vertex"}, base, model.partition(":")[0]


@pytest.fixture(scope="module")
def recorded() -> list[Recorded]:
    return list(_recorded())


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(
    upstream: ScriptedUpstream, recorded: list[Recorded], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    key = {"api_key": "env:TEST_UPSTREAM_KEY", "breaker": {"consecutive": 0, "min_requests": 100_000}}
    providers: dict[str, Any] = {}
    routes: dict[str, Any] = {}
    for one in recorded:
        providers[one.route] = {**dict(one.place), "base_url": f"{upstream.url}{one.base}", **key}
        routes[one.route] = {"provider": one.route, "model": one.model, "max_retries": 0}
    with RunningGateway(
        minimal(upstream.url, providers=providers, routes=routes), tmp_path_factory.mktemp("clouds")
    ) as running:
        yield running


def _as_it_was(one: Recorded) -> tuple[str, Json]:
    """Where the caller of the same dialect asks, and what."""
    if one.api in PATHS:
        return PATHS[one.api], {**one.asked, "model": one.route}
    method = one.target.rpartition(":")[2]
    if one.api == "predict":
        [instance] = one.asked["instances"]
        content = {"parts": [{"text": instance["content"]}]}
        method, body = "embedContent", {"content": content, **one.asked.get("parameters", {})}
        return f"/v1beta/models/{one.route}:{method}", body
    return f"/v1beta/models/{one.route}:{method}", one.asked


def _sent(one: Recorded) -> Json:
    """What the provider gets."""
    if one.api not in PATHS:
        return one.asked
    usage = {"stream_options": {"include_usage": True}} if one.api == "chat" and one.stream else {}
    return {**one.asked, "model": one.model} | usage


def test_it_goes_where_it_went_and_comes_back_as_it_came(
    gateway: RunningGateway, upstream: ScriptedUpstream, recorded: list[Recorded]
) -> None:
    seen: dict[str, int] = {}
    for one in recorded:
        upstream.reset()
        upstream.script(one.reply())
        target, body = _as_it_was(one)
        answer = ask(gateway.address, request(body, key=gateway.key, target=target))
        received = upstream.take()
        assert received.target == one.target
        assert received.json() == _sent(one), one.target
        if b'"content_filter_result"' in one.answered and b'"choices"' not in one.answered:
            # An error, under a 200 in the recording.
            assert (answer.status, answer.json()["error"]["code"]) == (400, "content_filter")
        elif one.status == 200:
            assert answer.status == 200, answer.body
            _is_the_same(one, answer)
        seen[one.api] = seen.get(one.api, 0) + 1
    print(seen)  # noqa: T201
    assert {"chat", "responses", "embeddings", "generateContent", "predict"} <= set(seen)


def _is_the_same(one: Recorded, answer: Answer) -> None:
    if one.api == "predict":
        values = [prediction["embeddings"]["values"] for prediction in json.loads(one.answered)["predictions"]]
        assert [answer.json()["embedding"]["values"]] == values
    elif not one.stream:
        assert answer.body == one.answered
    elif one.answered.startswith(b"["):
        # Google's default framing, of a caller who did not ask for events.
        assert [json.loads(payload) for payload in sse.payloads(answer.body)] == json.loads(one.answered)
    else:
        asked = (one.asked.get("stream_options") or {}).get("include_usage")
        passed = [event for event in sse.split(one.answered) if asked or not _tells_usage_alone(event)]
        assert sse.split(answer.body) == passed


def _tells_usage_alone(event: bytes) -> bool:
    return b'"choices":[]' in event and b'"usage":{' in event


@pytest.mark.parametrize("target", ["/v1/messages", "/v1beta/models/{}:generateContent", CHAT])
def test_callers_of_other_dialects_get_the_same_text(
    gateway: RunningGateway, upstream: ScriptedUpstream, recorded: list[Recorded], target: str
) -> None:
    answers = [one for one in recorded if one.status == 200 and one.api in {"chat", "generateContent"}]
    checked = 0
    for one in answers:
        text = _text(one)
        if (one.api == "chat") == (target == CHAT) or text is None:
            continue
        upstream.reset()
        upstream.script(one.reply())
        body: Json = {"model": one.route, "max_tokens": 99, "messages": [{"role": "user", "content": "?"}]}
        if target.startswith("/v1beta"):
            body = {"contents": [{"role": "user", "parts": [{"text": "?"}]}]}
        path = target.format(one.route)
        if one.stream and target.startswith("/v1beta"):
            path = path.replace("generateContent", "streamGenerateContent?alt=sse")
        elif one.stream:
            body["stream"] = True
        answer = ask(gateway.address, request(body, key=gateway.key, target=path))
        assert answer.status == 200, (one.target, answer.body)
        assert _said(answer, target, stream=one.stream) == text, (one.target, answer.body)
        checked += 1
    assert checked >= 30, checked


def _text(one: Recorded) -> str | None:
    """The text of a recorded answer; `None` for one that has other things or several choices."""
    documents = (
        [json.loads(one.answered)]
        if not one.stream
        else [json.loads(payload) for payload in sse.payloads(one.answered) if payload != "[DONE]"]
    )
    said = ""
    for document in documents:
        for choice in document.get("choices", document.get("candidates", ())):
            message = choice.get("delta", choice.get("message", choice.get("content"))) or {}
            if choice.get("index") or set(message) - {"role", "content", "parts", "refusal", "annotations"}:
                return None
            if any(set(part) - {"text"} for part in message.get("parts", ())):
                return None
            said += message.get("content") or "".join(part["text"] for part in message.get("parts", ()))
    return said or None


def _said(answer: Answer, target: str, *, stream: bool) -> str:
    documents = (
        [answer.json()]
        if not stream
        else [json.loads(payload) for payload in sse.payloads(answer.body) if payload != "[DONE]"]
    )
    said = ""
    for document in documents:
        if target == "/v1/messages":
            said += document.get("delta", {}).get("text", "")
            said += "".join(block.get("text", "") for block in document.get("content", ()))
        elif target == CHAT:
            choices = document["choices"]
            said += "".join(
                (choice.get("delta") or choice.get("message"))["content"] or ""
                for choice in choices
                if (choice.get("delta") or choice.get("message") or {}).get("content")
            )
        else:
            parts = [part for one in document.get("candidates", ()) for part in one.get("content", {}).get("parts", ())]
            said += "".join(part.get("text", "") for part in parts)
    return said
