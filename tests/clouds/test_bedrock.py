"""Amazon Bedrock behind the gateway: stock clients, signatures, streams in frames, and what goes wrong."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.credentials import Credentials

from tests.clients.apps.errand import QUESTION, SYSTEM, WEATHER
from tests.clients.callers import CALLERS, SCHEMA
from tests.operations.canaries import Harvest, canary
from tests.support import frames, sse
from tests.support.aws import CLAUDE, COHERE, PROFILE, TITAN, BedrockServer, Fault, stream
from tests.support.gateway import RunningGateway, chat_body, minimal
from tests.support.reply import AnyReply, cut
from tests.support.spoken import CACHED, CALL, CALL_ID, INPUT, OUTPUT, TEXT, asking
from tests.support.upstream import Received
from tests.support.waiting import eventually
from tests.support.wire import Answer, ask, request

SECRETS = {role: canary(role) for role in ("secret", "session", "bearer", "wrong")}
KEYS = Credentials("AKIDCANARY00000000", SECRETS["secret"], SECRETS["session"])
AUTH = {
    "type": "aws",
    "region": "us-east-1",
    "access_key_id": "env:TEST_AWS_ID",
    "secret_access_key": "env:TEST_AWS_SECRET",
    "session_token": "env:TEST_AWS_SESSION",
}
ENVIRONMENT = {
    "TEST_AWS_ID": KEYS.access_key,
    "TEST_AWS_SECRET": SECRETS["secret"],
    "TEST_AWS_SESSION": SECRETS["session"],
    "TEST_BEARER": SECRETS["bearer"],
    "TEST_WRONG": SECRETS["wrong"],
}


@dataclass(frozen=True)
class Cloud:
    """A gateway before two regions, of which the second has all models and the first all but `elsewhere`."""

    gateway: RunningGateway
    here: BedrockServer
    there: BedrockServer

    def chat(self, model: str = "converse", **members: object) -> Answer:
        """A chat completion."""
        return self.gateway.chat(chat_body(model, **members))

    def as_(self, caller: str, model: str, *, streamed: bool) -> Answer:
        """What a caller of a dialect is answered."""
        target, body = asking(caller, model, streamed)
        return ask(self.gateway.address, request(body, key=self.gateway.key, target=target))


def _configuration(here: BedrockServer, there: BedrockServer) -> dict[str, dict[str, Any]]:
    def provider(server: BedrockServer, kind: str = "bedrock", **more: object) -> dict[str, Any]:
        return {"type": kind, "base_url": server.url, "auth": AUTH | {"region": server.region}, **more}

    def route(provider: str, model: str = CLAUDE) -> dict[str, Any]:
        return {"provider": provider, "model": model, "max_retries": 0}

    targets = [{"provider": name, "model": "elsewhere"} for name in ("converse", "there")]
    return {
        "providers": {
            "converse": provider(here),
            "invoke": provider(here, "bedrock-invoke"),
            "there": provider(there),
            "key": {"type": "bedrock", "base_url": here.url, "api_key": "env:TEST_BEARER"},
            "wrong-key": {"type": "bedrock", "base_url": here.url, "api_key": "env:TEST_WRONG"},
            "wrong-secret": provider(here) | {"auth": AUTH | {"secret_access_key": "env:TEST_WRONG"}},
            "wrong-region": provider(here) | {"auth": AUTH | {"region": "eu-central-1"}},
            "guarded": provider(here, guardrail="gr-1", guardrail_version="DRAFT"),
        },
        "routes": {
            **{
                name: route(name)
                for name in (
                    *("converse", "invoke", "there", "key", "guarded"),
                    *("wrong-key", "wrong-secret", "wrong-region"),
                )
            },
            "profile": route("converse", PROFILE),
            "titan": route("converse", TITAN),
            "cohere": route("converse", COHERE),
            "away": {"strategy": "fallback", "max_retries": 0, "targets": targets},
            "not-here": route("converse", "elsewhere"),
            "either": {
                "strategy": "fallback",
                "max_retries": 0,
                "targets": [{"provider": name, "model": CLAUDE} for name in ("converse", "there")],
            },
        },
        "resilience": {"breaker": {"consecutive": 0, "min_requests": 100_000}},
    }


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with contextlib.ExitStack() as stack:
        here = stack.enter_context(BedrockServer(KEYS, bearer=SECRETS["bearer"]))
        there = stack.enter_context(BedrockServer(KEYS, region="eu-west-1"))
        there.models.add("elsewhere")
        text = minimal(here.url, **_configuration(here, there))
        gateway = stack.enter_context(RunningGateway(text, tmp_path_factory.mktemp("bedrock"), **ENVIRONMENT))
        eventually(lambda: not gateway.health()["degraded"], "the credentials have come")
        yield Cloud(gateway, here, there)


@pytest.fixture
def cloud(shared: Cloud) -> Iterator[Cloud]:
    shared.here.reset()
    shared.there.reset()
    yield shared
    shared.gateway.settled()


@pytest.mark.parametrize("way", ["text", "call", "text-streamed", "call-streamed"])
@pytest.mark.parametrize("route", ["converse", "invoke"])
@pytest.mark.parametrize("caller", CALLERS)
def test_every_client_is_answered(cloud: Cloud, caller: str, route: str, way: str) -> None:
    name, _, streamed = way.partition("-")
    cloud.here.plan(name)
    heard = CALLERS[caller](cloud.gateway.url, cloud.gateway.key, route, bool(streamed))
    if name == "text":
        assert (heard.text, heard.calls, heard.stop) == (TEXT, [], "end")
    else:
        assert (heard.calls, heard.ids, heard.stop) == ([(CALL["name"], CALL["arguments"])], [CALL_ID], "tool")
    assert (heard.input, heard.cached, heard.output) == (INPUT, CACHED, OUTPUT)


@pytest.mark.parametrize("caller", CALLERS)
def test_converse_is_told_all_that_the_caller_said(cloud: Cloud, caller: str) -> None:
    CALLERS[caller](cloud.gateway.url, cloud.gateway.key, "converse", False)
    received = cloud.here.upstream.take()
    body = received.json()
    assert received.target == "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
    assert body["system"] == [{"text": SYSTEM}]
    assert body["messages"] == [{"role": "user", "content": [{"text": QUESTION}]}]
    tool = {"name": "get_weather", "description": WEATHER, "inputSchema": {"json": SCHEMA}}
    assert body["toolConfig"]["tools"] == [{"toolSpec": tool}]
    assert (body["inferenceConfig"]["maxTokens"], body["inferenceConfig"]["temperature"]) == (500, 0.5)


def test_a_body_of_anthropics_is_made_bedrocks(cloud: Cloud) -> None:
    asked = {"model": "invoke", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    headers = [("anthropic-beta", "one-2025-01-01, two-2025-02-02"), ("anthropic-version", "2023-06-01")]
    answer = ask(cloud.gateway.address, request(asked, headers, key=cloud.gateway.key, target="/v1/messages"))
    assert answer.status == 200, answer.body
    received = cloud.here.upstream.take()
    assert received.target.endswith("/invoke-with-response-stream")
    assert received.json() == {
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": ["one-2025-01-01", "two-2025-02-02"],
        "max_tokens": 9,
        "messages": asked["messages"],
    }
    assert {received.header(name) for name in ("anthropic-beta", "anthropic-version")} == {None}
    assert b"event: message_stop" in answer.body


def test_tokens_are_counted_here(cloud: Cloud) -> None:
    asked = {"model": "invoke", "messages": [{"role": "user", "content": "Hi"}]}
    answer = ask(cloud.gateway.address, request(asked, key=cloud.gateway.key, target="/v1/messages/count_tokens"))
    assert answer.status == 200, answer.body
    assert answer.json()["input_tokens"] > 0
    assert not cloud.here.upstream.requests


def test_a_bedrock_key_and_the_arn_of_a_profile(cloud: Cloud) -> None:
    assert cloud.chat("key").status == 200
    received = cloud.here.upstream.take()
    assert received.header("authorization") == f"Bearer {SECRETS['bearer']}"
    assert cloud.chat("profile").status == 200
    path = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2F1arbu5hu2sjr/"
    assert cloud.here.upstream.take().target == f"{path}converse"


def test_guardrails_of_the_provider_and_of_the_caller(cloud: Cloud) -> None:
    assert cloud.chat("guarded").status == 200
    own = {"guardrailIdentifier": "gr-1", "guardrailVersion": "DRAFT"}
    assert cloud.here.upstream.take().json()["guardrailConfig"] == own
    asked = {"guardrailIdentifier": "gr-2", "guardrailVersion": "1", "trace": "enabled"}
    assert cloud.chat("converse", guardrailConfig=asked).status == 200
    assert cloud.here.upstream.take().json()["guardrailConfig"] == asked
    # What the operator says holds.
    assert cloud.chat("guarded", guardrailConfig=asked).status == 200
    assert cloud.here.upstream.take().json()["guardrailConfig"] == {**asked, **own}


def _embeddings(cloud: Cloud, **body: object) -> Answer:
    return ask(cloud.gateway.address, request(body, key=cloud.gateway.key, target="/v1/embeddings"))


def test_embeddings(cloud: Cloud) -> None:
    answer = _embeddings(cloud, model="titan", input="Hello?", dimensions=256)
    assert answer.status == 200, answer.body
    assert [one["embedding"] for one in answer.json()["data"]] == [[0.25, -0.5]]
    assert answer.json()["usage"]["prompt_tokens"] == 5
    received = cloud.here.upstream.take()
    assert received.target == "/model/amazon.titan-embed-text-v2%3A0/invoke"
    assert received.json() == {"inputText": "Hello?", "dimensions": 256}
    answer = _embeddings(cloud, model="cohere", input=["a", "bc"], input_type="search_query")
    assert [one["embedding"] for one in answer.json()["data"]] == [[1.0, 0.5], [2.0, 0.5]]
    assert cloud.here.upstream.take().json() == {"texts": ["a", "bc"], "input_type": "search_query"}
    assert _embeddings(cloud, model="cohere", input="a").status == 200
    assert cloud.here.upstream.take().json() == {"texts": ["a"], "input_type": "search_document"}
    refused = _embeddings(cloud, model="titan", input=["a", "b"])
    assert (refused.status, refused.json()["error"]["param"]) == (400, "input")
    refused = _embeddings(cloud, model="converse", input="a")
    assert (refused.status, refused.json()["error"]["param"]) == (400, "model")
    assert not cloud.here.upstream.requests[3:]


FAULTS = [
    (Fault(429, "ThrottlingException", "Too many requests, please wait."), 429, "upstream_rate_limited"),
    (Fault(503, "ServiceUnavailableException", "Bedrock is unable to process your request."), 503, None),
    (Fault(500, "InternalServerException", "The system encountered an unexpected error."), 502, "upstream_error"),
    (Fault(424, "ModelErrorException", "The model has an error."), 502, "upstream_error"),
    (Fault(408, "ModelTimeoutException", "The model took too long."), 504, "upstream_timeout"),
    (Fault(403, "AccessDeniedException", "You don't have access to the model."), 502, "upstream_credentials"),
    (Fault(400, "ValidationException", "The provided model identifier is invalid."), 400, None),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("fault", "status", "code"), FAULTS, ids=[fault.name for fault, *_ in FAULTS])
def test_errors_by_their_class(cloud: Cloud, fault: Fault, status: int, code: str | None, stream: bool) -> None:
    cloud.here.plan(fault)
    answer = cloud.chat(stream=stream)
    assert answer.status == status, answer.body
    if code is not None:
        assert answer.json()["error"]["code"] == code
    if status == 400:
        assert fault.message in answer.json()["error"]["message"]


def test_a_region_that_lacks_the_model(cloud: Cloud) -> None:
    alone = cloud.chat("not-here")
    assert alone.status == 404, alone.body
    assert "Could not resolve the foundation model" in alone.json()["error"]["message"]
    assert cloud.chat("there").status == 200
    assert cloud.chat("either").status == 200


@pytest.mark.parametrize("route", ["wrong-secret", "wrong-region", "wrong-key"])
def test_wrong_credentials(cloud: Cloud, route: str) -> None:
    harvest = Harvest()
    for streamed in (False, True):
        answer = harvest.answer(route, cloud.chat(route, stream=streamed))
        assert (answer.status, answer.json()["error"]["code"]) == (502, "upstream_credentials")
        assert route in answer.json()["error"]["message"]
    harvest.add("log", cloud.gateway.log)
    harvest.add("alerts", cloud.gateway.admin.get("/admin/v1/alerts").text)
    harvest.add("metrics", cloud.gateway.admin.get("/metrics").text)
    harvest.holds_nothing_of(SECRETS)


def test_a_clock_that_is_off_is_learnt(cloud: Cloud) -> None:
    for ahead in (3600.0, -3600.0, 0.0):
        cloud.here.upstream.requests.clear()
        cloud.here.ahead = ahead
        assert cloud.chat().status == 200
        # Signed again, once, by the other's clock; the next is right at once.
        assert len(cloud.here.upstream.requests) == 2
        assert cloud.chat("converse", stream=True).status == 200
        assert len(cloud.here.upstream.requests) == 3
    cloud.gateway.printed("clock-skew")


def test_a_clock_that_stays_off_is_named(cloud: Cloud) -> None:
    before, serve = _missing(cloud), cloud.here.answer

    def jump(received: Received) -> AnyReply:
        cloud.here.ahead += 7200
        return serve(received)

    cloud.here.upstream.otherwise = jump
    answer = cloud.chat()
    assert (answer.status, answer.json()["error"]["code"]) == (502, "upstream_credentials")
    assert re.search(r"clock is 7\d\d\d seconds ahead of the gateway's", answer.json()["error"]["message"])
    # The credentials are not to blame.
    assert _missing(cloud) == before
    cloud.here.reset()
    assert cloud.chat().status == 200


def _missing(cloud: Cloud) -> int:
    """How many providers wait for credentials."""
    found = re.search(r"^tollway_credentials_missing (\d+)$", cloud.gateway.admin.get("/metrics").text, re.MULTILINE)
    assert found is not None
    return int(found[1])


def test_what_has_expired_is_away_and_told(cloud: Cloud) -> None:
    before = _missing(cloud)
    cloud.here.expired = True
    answer = cloud.chat("either")
    assert answer.status == 200
    assert len(cloud.there.upstream.requests) == 1
    assert "credentials" in cloud.gateway.health()["degraded"]
    assert _missing(cloud) == before + 1
    answer = cloud.chat()
    assert (answer.status, answer.json()["error"]["code"]) == (502, "upstream_credentials")
    # Alone it is tried all the same: it may have been a mistake.
    cloud.here.expired = False
    assert cloud.chat().status == 200
    assert _missing(cloud) == before


@pytest.mark.parametrize("route", ["converse", "invoke"])
@pytest.mark.parametrize("caller", CALLERS)
def test_an_exception_after_the_first_content(cloud: Cloud, caller: str, route: str) -> None:
    cloud.here.plan(lambda sent: stream([*sent[:4], frames.exception("modelStreamErrorException", "It broke.")]))
    answer = cloud.as_(caller, route, streamed=True)
    assert answer.status == 200
    assert json.dumps(TEXT[:9])[1:-1] in answer.body.decode() or TEXT[:9] in answer.body.decode()
    assert "It broke." in answer.body.decode()
    assert not sse.is_complete(answer.body)


def _broken(how: str, at: int, message: str = "Too fast.") -> Callable[[list[bytes]], AnyReply]:
    def made(sent: list[bytes]) -> AnyReply:
        if how == "exception":
            return stream([*sent[:at], frames.exception("throttlingException", message)])
        if how == "checksum":
            return stream([*sent[:at], frames.damaged(sent[at]), *sent[at + 1 :]])
        return stream([*sent[:at], sent[at][:10]])

    return made


@pytest.mark.parametrize("how", ["exception", "checksum", "cut"])
def test_a_stream_that_breaks(cloud: Cloud, how: str) -> None:
    # Before any content another serves.
    cloud.here.plan(_broken(how, 1))
    answer = cloud.chat("either", stream=True)
    assert (answer.status, sse.text(answer.body), sse.is_complete(answer.body)) == (200, TEXT, True)
    # Alone it is an error.
    cloud.here.plan(_broken(how, 1))
    alone = cloud.chat(stream=True)
    assert alone.status == (429 if how == "exception" else 502), alone.body
    if how == "checksum":
        assert "does not match its checksum" in alone.json()["error"]["message"]
    # After some it ends with one.
    cloud.here.plan(_broken(how, 2))
    answer = cloud.chat(stream=True)
    assert answer.status == 200
    assert sse.error(answer.body) is not None
    assert not sse.is_complete(answer.body)


def test_no_cut_makes_a_whole_of_a_part(cloud: Cloud) -> None:
    """Whatever byte it is cut after, a caller gets an error or a stream that does not claim to be whole."""
    whole: list[bytes] = []

    def measure(sent: list[bytes]) -> AnyReply:
        reply = stream(sent)
        whole.append(b"".join(step for step in reply.wire() if isinstance(step, bytes)))
        return reply

    cloud.here.plan(measure)
    assert sse.is_complete(cloud.chat(stream=True).body)
    length = len(whole[0])
    head = whole[0].index(b"\r\n\r\n") + 4
    ends = whole[0].index(b":event-type", whole[0].index(b"messageStop"))
    for offset in range(head, length - len(b"0\r\n\r\n")):
        cloud.here.plan(lambda sent, offset=offset: cut(stream(sent), offset))  # type: ignore[misc]
        answer = cloud.chat(stream=True)
        told = offset >= ends or not sse.is_complete(answer.body) if answer.status == 200 else answer.status == 502
        assert told, (offset, answer.status, answer.body)
        assert answer.status != 200 or TEXT.startswith(sse.text(answer.body))


def test_nothing_of_a_credential_gets_out(cloud: Cloud) -> None:
    """The upstream quotes what it was sent, wherever it can."""
    harvest = Harvest()
    of_keys = f"{SECRETS['secret']} {SECRETS['session']}"
    for route, quoted in (("converse", of_keys), ("invoke", of_keys), ("key", SECRETS["bearer"])):
        for status, name in ((400, "ValidationException"), (500, "InternalServerException")):
            cloud.here.plan(Fault(status, name, quoted))
            harvest.answer(name, cloud.chat(route))
        for at in (0, 4):
            cloud.here.plan(_broken("exception", at, quoted))
            harvest.answer("stream", cloud.chat(route, stream=True))
    for path in ("health", "routes", "targets", "alerts", "config"):
        harvest.add(path, cloud.gateway.admin.get(f"/admin/v1/{path}").text)
    harvest.add("metrics", cloud.gateway.admin.get("/metrics").text)
    harvest.add("log", cloud.gateway.log)
    harvest.holds_nothing_of(SECRETS)
