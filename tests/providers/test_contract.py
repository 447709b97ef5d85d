"""What every bundled provider must do, by its wire case: what a server of its kind is sent, and what it answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.providers.served import CASES, SERVERS, base_path, case_of, streamed, table_of
from tests.support import sse
from tests.support.gateway import UPSTREAM_KEY, RunningGateway, minimal
from tests.support.reply import whole
from tests.support.upstream import Received, ScriptedUpstream
from tests.support.wire import Answer, Json, ask, request
from tollway.providers.contract import Provider


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    tables = {name: table_of(name, upstream) for name in SERVERS}
    routes = {name: {"provider": name, "model": case_of(name)["model"], "max_retries": 0} for name in SERVERS}
    with RunningGateway(
        minimal(upstream.url, providers=tables, routes=routes), tmp_path_factory.mktemp("providers")
    ) as running:
        yield running


def sent_as(expected: Json, provider: Provider) -> re.Pattern[str]:
    """A pattern of `expected`, in which all names of calls are one that the server takes."""
    pattern = re.escape(json.dumps(expected, sort_keys=True))
    length = provider.chat.call_ids or 0
    first, rest = rf'"(?P<id>[A-Za-z0-9]{{{length}}})"', '"(?P=id)"'
    return re.compile(pattern.replace('"@id"', first, 1).replace('"@id"', rest))


def check_sent(received: Received, expected: Json, name: str, path: str) -> None:
    """It went where it should, with the credential, and is what the server takes."""
    provider = SERVERS[name]
    assert received.target == base_path(provider) + path
    assert received.header(provider.auth_header) == f"{provider.auth_prefix}{UPSTREAM_KEY}"
    assert {header: received.header(header) for header in provider.headers} == dict(provider.headers)
    assert sent_as(expected, provider).fullmatch(json.dumps(received.json(), sort_keys=True)), received.body


def flags_of(answer: Answer) -> list[str]:
    """What was lost on the way there."""
    return sorted(flag for flag in (answer.header("x-tollway-flags") or "").split(",") if flag.startswith("lossy:"))


@pytest.mark.parametrize("name", SERVERS)
def test_whole(gateway: RunningGateway, upstream: ScriptedUpstream, name: str) -> None:
    case = case_of(name)
    upstream.script(whole(json.dumps(case["answer"]).encode()))
    answer = gateway.chat({"model": name, **case["asked"]})
    assert answer.status == 200, answer.body
    check_sent(upstream.take(), case["sent"], name, case["path"])
    assert flags_of(answer) == sorted(case.get("flags", ()))
    [choice], told = answer.json()["choices"], case["told"]
    assert (choice["message"]["content"], choice["finish_reason"]) == (told["content"], told["finish"])
    assert answer.header("x-tollway-input-tokens") == str(told["input"])
    assert answer.header("x-tollway-output-tokens") == str(told["output"])


@pytest.mark.parametrize("name", SERVERS)
def test_streamed(gateway: RunningGateway, upstream: ScriptedUpstream, name: str) -> None:
    case, provider = case_of(name), SERVERS[name]
    upstream.script(streamed(case))
    answer = gateway.chat(
        {"model": name, "stream": True, "stream_options": {"include_usage": True}, **case["asked"]},
        ("x-tollway-trailer", "true"),
    )
    assert answer.status == 200, answer.body
    said = provider.dialects[0] in {"gemini", "bedrock"} or "stream" in {*provider.chat.omit, *provider.other.omit}
    asks: dict[str, Json] = {} if said else {"stream": True}
    if provider.dialects[0] == "openai" and provider.stream_usage == "asked":
        asks["stream_options"] = {"include_usage": True}
    check_sent(upstream.take(), case["sent"] | asks, name, case.get("stream_path", case["path"]))
    assert flags_of(answer) == sorted(case.get("flags", ()))
    assert sse.text(answer.body) == case["told"]["content"]
    assert sse.is_complete(answer.body)
    trailer = re.search(rb"^: tollway (\{.*\})$", answer.body, re.MULTILINE)
    assert trailer is not None, answer.body
    told = json.loads(trailer[1])
    assert (told["input_tokens"], told["output_tokens"]) == (case["told"]["input"], case["told"]["output"])


@pytest.mark.parametrize("name", [name for name in SERVERS if "embeddings" in case_of(name)])
def test_embeddings(gateway: RunningGateway, upstream: ScriptedUpstream, name: str) -> None:
    case = case_of(name)["embeddings"]
    vectors = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.5]}]}
    upstream.script(
        whole(json.dumps(vectors | {"model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}).encode())
    )
    answer = ask(gateway.address, request({"model": name, **case["asked"]}, key=gateway.key, target="/v1/embeddings"))
    assert answer.status == 200, answer.body
    check_sent(upstream.take(), case["sent"], name, case.get("path", "/embeddings"))
    assert flags_of(answer) == sorted(case.get("flags", ()))


PARAMS = {"drop_params": ["seed", "messages[].name", "thinking"], "rename_params": {"max_completion_tokens": "most"}}


def test_what_the_file_says_of_a_server(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    def asked(running: RunningGateway, model: str, **more: object) -> Answer:
        upstream.reset()
        messages = [{"role": "user", "name": "ada", "content": "Hello?"}]
        return running.chat({"model": model, "seed": None, "max_completion_tokens": 9, "messages": messages, **more})

    other = {"type": "anthropic", "base_url": f"{upstream.url}/v1", "api_key": "env:TEST_UPSTREAM_KEY", **PARAMS}
    routes = {
        "strict": {"provider": "up", "model": "up-model", "on_lossy": "reject"},
        "other": {"provider": "other", "model": "up-model", "max_retries": 0},
    }
    text = minimal(upstream.url, provider=PARAMS, providers={"other": other}, routes=routes)
    with RunningGateway(text, tmp_path) as running:
        assert flags_of(asked(running, "m", seed=7)) == ["lossy:messages[].name", "lossy:seed"]
        sent = {"model": "up-model", "messages": [{"role": "user", "content": "Hello?"}], "most": 9}
        assert upstream.take().json() == sent
        refused = asked(running, "strict")
        assert (refused.status, refused.json()["error"]["param"]) == (400, "messages[].name")
        assert not upstream.requests
        body = {"model": "other", "max_tokens": 9, "thinking": {"type": "disabled"}, "messages": []}
        answer = ask(running.address, request(body, key=running.key, target="/v1/messages"))
        assert flags_of(answer) == ["lossy:thinking"]
        assert upstream.take().json() == {"model": "up-model", "max_tokens": 9, "messages": []}


def test_a_body_without_anything_that_a_server_minds_passes_byte_for_byte(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.reset()
    body = b'{ "model" : "mistral",  "n":1.0,"messages":[{"content":"logprobs","role":"user"}]}'
    assert gateway.chat(body).status == 200
    assert upstream.take().body == body.replace(b'"mistral"', b'"mistral-large-latest"')


def test_no_case_is_left_over() -> None:
    assert {file.stem for file in CASES.glob("*.json")} == set(SERVERS)
