"""Our own wire cases through a running gateway: what reaches the model, and what comes back to the caller.

The same files are judged without a gateway, and cut at every byte, by `rust/protocol/tests/it/cases`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.support import spoken
from tests.support.cases import MODELS, UPSTREAMS, Case, cases, difference, parsed, told
from tests.support.gateway import KEY, RunningGateway, minimal
from tests.support.reply import Reply, stream, whole
from tests.support.spoken_cohere import COHERE
from tests.support.upstream import ScriptedUpstream

SPOKEN = {**spoken.SPOKEN, "cohere": COHERE}

ANSWERS_KEY = "canary-virtual-key-of-answers"
"""Another key: signed thoughts of answers are kept for whoever got them, and would come back in requests."""

REQUESTS, ANSWERS = cases("requests"), cases("answers")

ASKED = {
    "chat": b'{"model": "route", "messages": [{"role": "user", "content": "Hello?"}]',
    "responses": b'{"model": "route", "input": "Hello?"',
    "anthropic": b'{"model": "route", "max_tokens": 500, "messages": [{"role": "user", "content": "Hello?"}]',
    "gemini": b'{"contents": [{"parts": [{"text": "Hello?"}]}]',
}
"""What a caller asks for an answer; Responses repeats it."""
STREAM = {"chat": b', "stream": true, "stream_options": {"include_usage": true}}', "gemini": b"}"}


@dataclass(frozen=True)
class Shop:
    """A gateway that has a route for each model that a case names, and the models."""

    gateway: RunningGateway
    upstream: ScriptedUpstream
    client: httpx.Client

    def ask(self, caller: str, route: str, body: bytes, *, streams: bool, key: str = KEY) -> httpx.Response:
        """The answer to `body`, whose model is `route`."""
        if caller == "gemini":
            way = "streamGenerateContent?alt=sse" if streams else "generateContent"
            path = f"/v1beta/models/{route}:{way}"
        else:
            path = SPOKEN[caller].path
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        content = body.replace(b'"model": "route"', b'"model": "%s"' % route.encode())
        return self.client.post(f"{self.gateway.url}{path}", content=content, headers=headers)


def _route(target: str, model: str) -> str:
    return f"{target}-{model}"


def _configuration(url: str) -> str:
    types = {"chat": "openai", "responses": "openai", "anthropic": "anthropic", "gemini": "gemini", "cohere": "cohere"}
    dialects = {"chat": ["openai"], "responses": ["openai-responses"]}
    providers = {
        name: {"type": kind, "base_url": f"{url}{SPOKEN[name].base}", "api_key": "env:TEST_UPSTREAM_KEY"}
        | ({"dialects": dialects[name]} if name in dialects else {})
        for name, kind in types.items()
    }
    wanted = {(target, case.model(target)) for case in REQUESTS for target in MODELS | UPSTREAMS}
    wanted |= set((MODELS | UPSTREAMS).items())
    routes = {_route(target, model): {"provider": target, "model": model, "max_retries": 0} for target, model in wanted}
    return minimal(url, providers=providers, routes=routes, keys={"answers": {"secret": "env:TEST_ANSWERS_KEY"}})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with (
        ScriptedUpstream() as upstream,
        RunningGateway(
            _configuration(upstream.url), tmp_path_factory.mktemp("cases"), TEST_ANSWERS_KEY=ANSWERS_KEY
        ) as gateway,
        httpx.Client(trust_env=False, timeout=30) as client,
    ):
        yield Shop(gateway, upstream, client)


@pytest.fixture
def shop(running: Shop) -> Shop:
    running.upstream.reset()
    return running


def _named(case: Case) -> str:
    return f"{case.dialect}-{case.name}"


@pytest.mark.parametrize("case", REQUESTS, ids=_named)
def test_what_the_model_is_asked(shop: Shop, case: Case) -> None:
    for target in case.targets():
        _asked(shop, case, target)
    # Whoever speaks the caller's dialect gets the bytes, with the model's name; not what a caller was given marked.
    body = case.file("request.json")
    if b"tollway." not in body:
        target, model = case.dialect, case.model(case.dialect)
        _script(shop, target, streams=case.streams)
        assert shop.ask(target, _route(target, model), body, streams=case.streams).status_code == 200
        assert shop.upstream.take().body == body.replace(b'"model": "route"', b'"model": "%s"' % model.encode())


def _script(shop: Shop, target: str, *, streams: bool) -> None:
    spoken = SPOKEN[target]
    shop.upstream.script(spoken.streamed("text") if streams else spoken.whole("text"))


def _asked(shop: Shop, case: Case, target: str) -> None:
    pair, model = f"to {target}", case.model(target)
    refused = target in case.told.get("refused", {})
    if not refused:
        _script(shop, target, streams=case.streams)
    response = shop.ask(case.dialect, _route(target, model), case.file("request.json"), streams=case.streams)
    if refused:
        assert (response.status_code, len(shop.upstream.requests)) == (400, 0), pair
        return
    assert response.status_code == 200, (pair, response.text)
    received = shop.upstream.take()
    shop.upstream.reset()
    path = SPOKEN[target].path.replace("up-model", model)
    stream_path = path.replace("generateContent", "streamGenerateContent?alt=sse")
    assert received.target == (stream_path if case.streams else path), pair
    different = difference(parsed(case.file(f"to-{target}.json")), parsed(received.body))
    assert different is None, pair
    flags = response.headers.get("x-tollway-flags", "").split(",")
    lossy = [flag.strip().removeprefix("lossy:") for flag in flags if "lossy:" in flag]
    assert lossy == case.told.get("lossy", {}).get(target, []), pair


@pytest.mark.parametrize("case", ANSWERS, ids=_named)
def test_what_the_caller_is_answered(shop: Shop, case: Case) -> None:
    kind = "sse" if case.streams else "json"
    answer = case.file(f"answer.{kind}")
    for caller in MODELS:
        shop.upstream.script(_reply(answer, streams=case.streams))
        end = STREAM.get(caller, b', "stream": true}') if case.streams else b"}"
        route = _route(case.dialect, (MODELS | UPSTREAMS)[case.dialect])
        response = shop.ask(caller, route, ASKED[caller] + end, streams=case.streams, key=ANSWERS_KEY)
        pair = f"for {caller}"
        assert response.status_code == 200, (pair, response.text)
        if caller == case.dialect:
            # A stream that ends early is ended by the gateway.
            whole_of_it = response.content.startswith(answer) if case.streams else response.content == answer
            assert whole_of_it or case.told.get("broken"), pair
            continue
        expected = case.file(f"for-{caller}.{kind}")
        read = told if case.streams else parsed
        different = difference(read(expected), read(response.content))
        assert different is None, pair


def _reply(answer: bytes, *, streams: bool) -> Reply:
    """A stream comes in odd pieces."""
    return stream([answer[at : at + 61] for at in range(0, len(answer), 61)]) if streams else whole(answer)


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        ('{"a": 1.0, "b": [null]}', '{"b":[null],"a":1.0}', True),
        ('{"a": 1.0}', '{"a": 1}', False),
        ('{"a": null}', "{}", False),
        ("[1]", "[1, 2]", False),
        ('["1"]', "[1]", False),
        ('["x-<id>", "<id>", "<time>"]', '["x-7", "7", 9]', True),
        ('["x-<id>", "<id>"]', '["x-7", "8"]', False),
        ('["x-<id>"]', '["x-"]', False),
    ],
)
def test_what_differs_is_found(expected: str, got: str, same: bool) -> None:
    assert (difference(parsed(expected), parsed(got)) is None) == same
