"""Every request leaves its record, whatever became of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.records.looking import everything, payload, record, record_of, shipped
from tests.support.gateway import RunningGateway, chat_body, minimal
from tests.support.reply import Gate, answer, error, events, stream
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually
from tests.support.wire import request

CALLER = (
    ("x-tollway-user", "ann"),
    ("x-tollway-session", "s-1"),
    ("x-tollway-task-type", "triage"),
    ("x-tollway-tags", "blue, green"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
)


@dataclass(frozen=True)
class Kept:
    """A gateway that keeps records, and the upstreams behind it."""

    gateway: RunningGateway
    upstream: ScriptedUpstream
    second: ScriptedUpstream


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Started once for this file."""
    with contextlib.ExitStack() as stack:
        upstream, second = stack.enter_context(ScriptedUpstream()), stack.enter_context(ScriptedUpstream())
        text = minimal(
            upstream.url,
            provider={"region": "us"},
            providers={
                "second": {"type": "openai", "base_url": f"{second.url}/v1", "api_key": "k-second", "region": "eu"}
            },
            routes={
                "fallback": {
                    "strategy": "fallback",
                    "max_retries": 0,
                    "targets": [{"provider": "up", "model": "a"}, {"provider": "second", "model": "b"}],
                },
                "guarded": {
                    "provider": "up",
                    "model": "up-model",
                    "guardrails": [{"type": "pii", "action": "reject", "on": "input", "on_failure": "closed"}],
                },
            },
            keys={
                "owned": {
                    "secret": "key-of-a-team-0001",
                    "organisation": "acme",
                    "tenant": "north",
                    "team": "data",
                    "project": "tickets",
                    "environment": "dev",
                    "user": "robot",
                    "priority": "batch",
                    "tags": ["own"],
                }
            },
            teams={"data": {}},
            projects={"tickets": {}},
            environments={"dev": {}},
            organisations={"acme": {}},
            tenants={"north": {}},
            users={"robot": {}},
        )
        gateway = stack.enter_context(RunningGateway(text, tmp_path_factory.mktemp("records")))
        yield Kept(gateway, upstream, second)


@pytest.fixture
def kept(started: Kept) -> Kept:
    """With upstreams that have forgotten the test before."""
    started.upstream.reset()
    started.second.reset()
    return started


def test_an_answer(kept: Kept) -> None:
    kept.upstream.script(answer("hello"))
    one = record_of(kept.gateway, kept.gateway.chat(None, *CALLER))
    assert (one["status"], one["error"], one["finish"], one["stream"]) == (200, None, "stop", False)
    assert (one["key"], one["user"], one["session"], one["task_type"]) == ("test", "ann", "s-1", "triage")
    assert one["tags"] == ["blue", "green"]
    assert (one["route"], one["provider"], one["model"], one["region"]) == ("m", "up", "up-model", "us")
    assert one["endpoint"] == "chat/completions"
    assert (one["trace_id"], one["parent_span_id"]) == ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
    assert one["trace_flags"] == 1
    assert [attempt["class"] for attempt in one["attempts"]] == ["ok"]
    assert one["tokens"]["input"] is not None
    assert one["tokens"]["output"] is not None
    assert one["estimated"] is False
    assert one["request_bytes"] > 0
    assert one["response_bytes"] > 0
    assert 0 <= one["admitted_us"] <= one["sent_us"] <= one["total_us"]
    assert one["overhead_us"] + one["upstream_us"] <= one["total_us"]


def test_the_trace_goes_on_to_the_upstream(kept: Kept) -> None:
    kept.upstream.script(answer())
    one = record_of(kept.gateway, kept.gateway.chat(None, *CALLER, ("tracestate", "vendor=1")))
    sent = kept.upstream.requests[-1]
    version, trace, parent, flags = (sent.header("traceparent") or "").split("-")
    assert (version, trace, flags) == ("00", one["trace_id"], "01")
    assert parent not in (one["span_id"], one["parent_span_id"]), "each send is a span of its own"
    assert sent.header("tracestate") == "vendor=1"


def test_what_a_key_says_of_itself_wins_over_what_its_caller_says(kept: Kept) -> None:
    kept.upstream.script(answer())
    body = chat_body(metadata={"agent": "planner", "user_id": "mallory"})
    one = record_of(kept.gateway, kept.gateway.chat(body, *CALLER, key="key-of-a-team-0001"))
    scopes = [one[name] for name in ("organisation", "tenant", "team", "project", "environment")]
    assert scopes == ["acme", "north", "data", "tickets", "dev"]
    assert (one["user"], one["agent"], one["priority"]) == ("robot", "planner", "batch")
    assert set(one["tags"]) == {"own", "blue", "green"}


def test_a_stream(kept: Kept) -> None:
    kept.upstream.script(stream())
    one = record_of(kept.gateway, kept.gateway.chat(chat_body(stream=True)))
    assert (one["status"], one["stream"], one["finish"]) == (200, True, "stop")
    assert one["tokens"]["output"] is not None
    assert one["sent_us"] <= one["first_token_us"] <= one["total_us"]


def test_a_stream_without_usage_is_estimated_and_says_so(kept: Kept) -> None:
    kept.upstream.script(stream(events(["a", "b", "c"], usage=False)))
    one = record_of(kept.gateway, kept.gateway.chat(chat_body(stream=True)))
    assert one["estimated"] is True
    assert one["tokens"]["output"] > 0
    assert one["tokens"]["input"] > 0


def test_a_caller_who_leaves_in_the_middle_of_a_stream(kept: Kept) -> None:
    gate = Gate()
    kept.upstream.script(stream([*events(["a"], usage=False)[:2], gate]))
    wire = kept.gateway.connect()
    wire.send(request(chat_body(stream=True), key=kept.gateway.key))
    head = wire.head()
    wire.until(b"data: ")
    wire.socket.close()
    gate.open()
    one = record(kept.gateway, head.header("x-request-id") or "")
    assert (one["status"], one["error"]) == (200, "client_closed")
    assert one["attempts"][0]["class"] == "cancelled"
    assert one["estimated"] is True


def test_a_caller_who_leaves_before_there_is_an_answer(kept: Kept) -> None:
    gate = Gate()
    kept.upstream.script(stream([gate, *events(["a"])]))
    wire = kept.gateway.connect()
    wire.send(request(chat_body(stream=True, user="leaver"), key=kept.gateway.key))
    eventually(lambda: kept.upstream.requests, "the upstream was asked")
    wire.socket.close()

    def look() -> list[dict[str, object]]:
        found = kept.gateway.admin.get("/admin/v1/requests", params={"user": "leaver"}).json()["data"]
        return list(found)

    one = eventually(look, "the record is there")[0]
    gate.open()
    assert (one["status"], one["error"]) == (499, "client_closed")


def test_a_fallback_names_every_attempt(kept: Kept) -> None:
    kept.upstream.script(error(503))
    kept.second.script(answer())
    one = record_of(kept.gateway, kept.gateway.chat(chat_body("fallback")))
    attempts = [(one["provider"], one["model"], one["class"], one["status"]) for one in one["attempts"]]
    assert attempts == [("up", "a", "overload", 503), ("second", "b", "ok", 200)]
    assert (one["provider"], one["model"], one["region"], one["decision"]) == ("second", "b", "eu", "fallback 2/2")


def test_a_failure(kept: Kept) -> None:
    kept.upstream.script(error(429))
    one = record_of(kept.gateway, kept.gateway.chat())
    assert (one["status"], one["error"]) == (429, "upstream_rate_limited")
    assert one["tokens"] is None


@pytest.mark.parametrize(
    ("body", "key", "status", "code"),
    [
        (None, "not-a-key-of-this-gateway", 401, "invalid_api_key"),
        (chat_body("nowhere"), RunningGateway.key, 404, "model_not_found"),
        (b"{", RunningGateway.key, 400, "invalid_request"),
        (
            {"model": "guarded", "messages": [{"role": "user", "content": "ann@example.org"}]},
            RunningGateway.key,
            400,
            "guardrail_rejected",
        ),
    ],
)
def test_a_refusal(kept: Kept, body: object, key: str, status: int, code: str) -> None:
    one = record_of(kept.gateway, kept.gateway.chat(body, key=key))
    assert (one["status"], one["error"], one["attempts"]) == (status, code, [])
    if code == "model_not_found":
        assert one["requested_model"] == "nowhere"


def test_probes_leave_none_and_the_list_of_models_leaves_one(kept: Kept) -> None:
    shipped(kept.gateway)
    before = len(everything(kept.gateway))
    wire = kept.gateway.connect()
    wire.send(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
    assert wire.answer().status == 200
    wire.send(b"GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + kept.gateway.key.encode() + b"\r\n\r\n")
    listed = wire.answer()
    wire.socket.close()
    assert record_of(kept.gateway, listed)["endpoint"] == "models"
    assert len(everything(kept.gateway)) == before + 1


def test_payloads_are_kept_where_they_are_sampled(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    guard = {"type": "pii", "action": "mask", "restore": True, "on": "both", "on_failure": "closed"}
    text = minimal(
        upstream.url,
        store={"payload_sampling": 1.0},
        routes={"masked": {"provider": "up", "model": "up-model", "guardrails": [guard]}},
    )
    with RunningGateway(text, tmp_path) as gateway:
        upstream.script(answer("kept words"), stream(), answer("the mail is [EMAIL_1]"))
        whole = record_of(gateway, gateway.chat())
        streamed = record_of(gateway, gateway.chat(chat_body(stream=True)))
        body = {"model": "masked", "messages": [{"role": "user", "content": "write to ann@example.org"}]}
        told = gateway.chat(body)
        assert b"ann@example.org" in told.body
        masked = record_of(gateway, told)
        payloads = [payload(gateway, one["id"]) for one in (whole, streamed, masked)]
        assert "Hello?" in payloads[0]["request"]["text"]
        assert "kept words" in payloads[0]["response"]["text"]
        assert "data: [DONE]" in payloads[1]["response"]["text"]
        assert "[EMAIL_1]" in payloads[2]["request"]["text"]
        assert payloads[2]["response"]["text"] == "", "what is masked for everyone is not kept with the answer either"
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".toml")
    assert b"ann@example.org" not in stored
