"""What every bundled provider must do, by its wire case: what a server of its kind is sent, and what it answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.providers.served import ANSWERING, CASES, PARTS, SERVERS, base_path, case_of, streamed, table_of
from tests.support import sse
from tests.support.gateway import UPSTREAM_KEY, RunningGateway, minimal
from tests.support.reply import whole
from tests.support.upstream import Received, ScriptedUpstream
from tests.support.wire import Answer, Json, ask, request
from tollway.providers.contract import Provider


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    tables = {name: table_of(name, upstream) for name in SERVERS}
    models = {name: case_of(name)["model"] for name in ANSWERING}
    parts = ((name, part, case_of(name).get(part, {})) for name in SERVERS for part in PARTS)
    models |= {f"{name}/{part}": case["model"] for name, part, case in parts if "model" in case}
    routes = {
        route: {"provider": route.partition("/")[0], "model": model, "max_retries": 0}
        for route, model in models.items()
    }
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


@pytest.mark.parametrize("name", ANSWERING)
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


@pytest.mark.parametrize("name", ANSWERING)
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
    usual = vectors | {"model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}
    answer = _asked_part(gateway, upstream, (name, "embeddings"), case, case.get("answer", usual))
    told = case.get("told", {"input": 1, "vectors": [[0.5, -0.5]]})
    assert [one["embedding"] for one in answer.json()["data"]] == told["vectors"]
    assert answer.header("x-tollway-input-tokens") == str(told["input"])


@pytest.mark.parametrize("name", [name for name in SERVERS if "rerank" in case_of(name)])
def test_rerank(gateway: RunningGateway, upstream: ScriptedUpstream, name: str) -> None:
    case = case_of(name)["rerank"]
    told = json.loads(_asked_part(gateway, upstream, (name, "rerank"), case, case["answer"]).body)
    assert re.fullmatch(re.escape(case["told"].get("id", "")).replace("<id>", "[A-Za-z0-9]+"), told.pop("id", ""))
    assert told == {member: value for member, value in case["told"].items() if member != "id"}


def _asked_part(
    gateway: RunningGateway, upstream: ScriptedUpstream, place: tuple[str, str], case: Json, answers: Json
) -> Answer:
    """What a caller of `/v1/PART` gets; what the server was sent is checked."""
    name, part = place
    upstream.reset()
    upstream.script(whole(json.dumps(answers).encode()))
    body = {"model": f"{name}/{part}" if "model" in case else name, **case["asked"]}
    answer = ask(gateway.address, request(body, key=gateway.key, target=f"/v1/{part}"))
    assert answer.status == 200, answer.body
    check_sent(upstream.take(), case["sent"], name, case.get("path", f"/{part}"))
    assert flags_of(answer) == sorted(case.get("flags", ()))
    return answer


@pytest.mark.parametrize("name", [name for name in SERVERS if name not in ANSWERING])
def test_who_has_no_models_that_answer_says_so(gateway: RunningGateway, upstream: ScriptedUpstream, name: str) -> None:
    upstream.reset()
    part = next(part for part in PARTS if part in case_of(name))
    answer = gateway.chat({"model": f"{name}/{part}", "messages": [{"role": "user", "content": "Hello?"}]})
    assert (answer.status, answer.json()["error"]["param"]) == (400, "model")
    assert f'"{name}" has no models that answer' in answer.json()["error"]["message"]
    assert not upstream.requests


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
