"""A request that nobody waits for: accepted at once, done as any other, found by its key alone."""

from __future__ import annotations

import pytest

from tests.conftest import StartGateway
from tests.jobs.office import (
    ENVIRONMENT,
    OTHER_KEY,
    call,
    chat_body,
    configuration,
    ended,
    in_state,
    look,
    post,
    submit,
)
from tests.records.looking import record
from tests.support.gateway import KEY, RunningGateway
from tests.support.reply import Gate, Reply, Step, answer, completion, error, whole
from tests.support.upstream import ScriptedUpstream, wait_gone
from tests.support.waiting import eventually


def gated(gate: Gate) -> Reply:
    """An answer that waits."""
    body: tuple[Step, ...] = (gate, completion())
    return Reply(body=body)


@pytest.fixture
def gateway(start_gateway: StartGateway, upstream: ScriptedUpstream) -> RunningGateway:
    return start_gateway(configuration(upstream.url), **ENVIRONMENT)


def test_a_job_is_polled_for_what_would_have_been_answered(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    waited = gateway.chat()
    job = submit(gateway, "poll", ("x-tollway-user", "ann"), ("traceparent", f"00-{trace}-00f067aa0ba902b7-01"))
    found = ended(gateway, job)
    assert (found["status"], found["attempt"], found["callback"]) == ("succeeded", 1, None)
    assert found["result"]["status"] == 200
    expected = waited.json()
    assert isinstance(expected, dict)
    assert found["result"]["body"] == expected
    headers = found["result"]["headers"]
    assert headers["x-tollway-route"] == "m"
    assert (headers["content-type"], headers["x-tollway-attempts"]) == ("application/json", "1")
    assert "date" not in headers
    upstream.take()
    sent = upstream.take()
    assert sent.json() == {**chat_body(), "model": "up-model"}
    # The record of what was done tells whose job it was, and by whom it was asked.
    done = record(gateway, headers["x-request-id"])
    assert {f"job:{job['id']}", "attempt:1"} <= set(done["flags"])
    assert (done["user"], done["key"], done["route"], done["trace_id"]) == ("ann", "test", "m", trace)
    accepted = record(gateway, job["request_id"])
    assert (accepted["status"], accepted["trace_id"]) == (202, trace)
    assert done["parent_span_id"] == accepted["span_id"]


@pytest.mark.parametrize(
    ("path", "body", "header"),
    [
        ("/v1/messages", {**chat_body(), "max_tokens": 9}, "x-api-key"),
        ("/v1beta/models/m:generateContent", {"contents": [{"role": "user", "parts": [{"text": "a"}]}]}, "api-key"),
    ],
)
def test_every_dialect_can_leave_a_job(gateway: RunningGateway, path: str, body: object, header: str) -> None:
    waited = post(gateway, path, body, (header, KEY)).json()
    accepted = post(gateway, path, body, (header, KEY), ("x-tollway-callback", "poll"))
    assert accepted.status == 202, accepted
    found = ended(gateway, accepted.json())
    assert found["result"]["status"] == 200
    assert isinstance(waited, dict)
    assert set(found["result"]["body"]) == set(waited)


def test_an_error_is_the_result(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    upstream.script(error(400, "No such thing."))
    found = ended(gateway, submit(gateway))
    assert (found["status"], found["result"]["status"]) == ("failed", 400)
    assert found["result"]["body"]["error"]["message"] == "No such thing."


@pytest.mark.parametrize(
    ("change", "headers", "key", "expected"),
    [
        ({"model": "nothing"}, {}, KEY, (404, "model_not_found")),
        ({"messages": None}, {}, KEY, (400, "invalid_request")),
        ({"stream": True}, {}, KEY, (400, "invalid_request")),
        ({}, {}, "canary-no-such-key", (401, "invalid_api_key")),
        ({}, {"x-tollway-timeout": "soon"}, KEY, (400, "invalid_request")),
        ({}, {"x-tollway-callback": ""}, KEY, (400, "invalid_request")),
        ({}, {"x-tollway-callback": "hooks.example.com"}, KEY, (400, "invalid_request")),
        ({}, {"x-tollway-callback": "https://u:p@hooks.example.com/"}, KEY, (400, "invalid_request")),
        ({}, {"x-tollway-callback": "https://hooks.example.com/"}, KEY, (403, "callback_not_allowed")),
    ],
)
def test_what_is_wrong_is_refused_at_once(
    gateway: RunningGateway, change: dict[str, object], headers: dict[str, str], key: str, expected: tuple[int, str]
) -> None:
    body = {name: value for name, value in {**chat_body(), **change}.items() if value is not None}
    refused = gateway.chat(body, *{"x-tollway-callback": "poll", **headers}.items(), key=key)
    told = refused.json()
    assert isinstance(told, dict)
    assert (refused.status, told["error"]["code"]) == expected
    assert gateway.admin.get("/admin/v1/jobs").json() == {"data": [], "next": None}


def test_another_keys_job_does_not_exist(gateway: RunningGateway) -> None:
    job, other = submit(gateway), submit(gateway, key=OTHER_KEY)
    for method in ("GET", "DELETE"):
        for name in (job["id"], "job_nothing"):
            refused = call(gateway, method, f"/v1/jobs/{name}", OTHER_KEY)
            told = refused.json()
            assert isinstance(told, dict)
            assert (refused.status, told["error"]["code"]) == (404, "job_not_found")
    assert ended(gateway, job)["status"] == "succeeded"
    listed = call(gateway, "GET", "/v1/jobs", OTHER_KEY).json()
    assert isinstance(listed, dict)
    assert [one["id"] for one in listed["data"]] == [other["id"]]
    assert call(gateway, "GET", "/v1/jobs", "canary-no-such-key").status == 401
    assert call(gateway, "PUT", "/v1/jobs/x").header("allow") == "GET, HEAD, DELETE"


def test_jobs_are_listed_in_pages_the_newest_first(gateway: RunningGateway) -> None:
    # Their names rise with the milliseconds in which they came; within one the order is any.
    names = sorted(submit(gateway)["id"] for _ in range(3))
    first = call(gateway, "GET", "/v1/jobs?limit=2").json()
    assert isinstance(first, dict)
    assert ([job["id"] for job in first["data"]], first["has_more"]) == ([names[2], names[1]], True)
    assert "result" not in first["data"][0]
    last = call(gateway, "GET", f"/v1/jobs?limit=2&after={names[1]}").json()
    assert isinstance(last, dict)
    assert ([job["id"] for job in last["data"]], last["has_more"]) == ([names[0]], False)


def test_a_full_queue_refuses(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gate = Gate()
    upstream.script(gated(gate))
    gateway = start_gateway(configuration(upstream.url, jobs={"concurrency": 1, "queue": 1}), **ENVIRONMENT)
    running = submit(gateway)
    upstream.take()
    waiting = submit(gateway)
    refused = gateway.chat(None, ("x-tollway-callback", "poll"))
    told = refused.json()
    assert isinstance(told, dict)
    assert (refused.status, told["error"]["code"]) == (429, "queue_full")
    assert refused.header("retry-after") is not None
    assert len(upstream.requests) == 1, "one at a time"
    eventually(lambda: 'tollway_jobs{state="queued"} 1' in gateway.admin.get("/metrics").text, "it is counted")
    gate.open()
    assert [ended(gateway, job)["status"] for job in (running, waiting)] == ["succeeded"] * 2


def test_bodies_are_bounded_in_all(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gateway = start_gateway(configuration(upstream.url, jobs={"max_bytes": "100B"}), **ENVIRONMENT)
    small = gateway.chat(chat_body(), ("x-tollway-callback", "poll"))
    large = gateway.chat(chat_body(user="u" * 100), ("x-tollway-callback", "poll"))
    assert (small.status, large.status) == (202, 429)


def test_a_job_can_be_given_up(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    upstream.script(gated(Gate()))
    gateway = start_gateway(configuration(upstream.url, jobs={"concurrency": 1}), **ENVIRONMENT)
    running = submit(gateway)
    sent = upstream.take()
    waiting = submit(gateway)
    for job in (waiting, running):
        cancelled = call(gateway, "DELETE", f"/v1/jobs/{job['id']}").json()
        assert isinstance(cancelled, dict)
        assert cancelled["status"] == "cancelled"
        assert "result" not in cancelled
    wait_gone(sent)
    assert ended(gateway, submit(gateway))["status"] == "succeeded", "its place is free"
    assert len(upstream.requests) == 2, "what waited was never sent"
    again = call(gateway, "DELETE", f"/v1/jobs/{running['id']}").json()
    assert isinstance(again, dict)
    assert again["status"] == "cancelled"


def test_a_revoked_keys_job_is_refused(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gate = Gate()
    upstream.script(gated(gate))
    gateway = start_gateway(configuration(upstream.url, jobs={"concurrency": 1}), **ENVIRONMENT)
    first = submit(gateway)
    upstream.take()
    made = gateway.admin.post("/admin/v1/keys", json={"callbacks": ["https://hooks.example.com/"]}).json()
    assert made["settings"]["callbacks"] == ["https://hooks.example.com/"]
    waiting = submit(gateway, key=made["secret"])
    assert look(gateway, waiting, made["secret"])["status"] == "queued"
    assert gateway.admin.delete(f"/admin/v1/keys/{made['id']}").status_code == 200
    gate.open()
    assert ended(gateway, first)["status"] == "succeeded"
    in_state(gateway, waiting, "failed")
    shown = gateway.admin.get(f"/admin/v1/jobs/{waiting['id']}").json()
    assert (shown["key"], shown["status"]) == (made["id"], 401)
    assert len(upstream.requests) == 1
    assert call(gateway, "GET", f"/v1/jobs/{waiting['id']}", made["secret"]).status == 401


def test_time_runs_from_when_it_was_asked(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gate = Gate()
    upstream.script(gated(gate))
    gateway = start_gateway(configuration(upstream.url, jobs={"concurrency": 1}), **ENVIRONMENT)
    first = submit(gateway)
    upstream.take()
    waiting = submit(gateway, "poll", ("x-tollway-timeout", "1ms"))
    gate.open()
    assert ended(gateway, first)["status"] == "succeeded"
    late = ended(gateway, waiting)
    assert len(upstream.requests) == 1
    assert late["result"]["body"]["error"]["code"] == "deadline_exceeded"


def test_guardrails_hold_for_jobs(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    guard = {"type": "pii", "entities": ["email"], "on": "input", "action": "reject", "on_failure": "closed"}
    gateway = start_gateway(configuration(upstream.url, route={"guardrails": [guard]}), **ENVIRONMENT)
    body = {"model": "m", "messages": [{"role": "user", "content": "I am ann@example.com"}]}
    accepted = gateway.chat(body, ("x-tollway-callback", "poll"))
    found = ended(gateway, accepted.json())
    assert (found["status"], found["result"]["body"]["error"]["code"]) == ("failed", "guardrail_rejected")
    assert not upstream.requests


def test_an_operator_sees_how_jobs_are_but_not_what_they_say(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.script(answer("canary-answer"), whole(b"{", 500))
    good, bad = submit(gateway), submit(gateway)
    ended(gateway, good), ended(gateway, bad)
    listed = gateway.admin.get("/admin/v1/jobs", params={"key": "test", "state": "succeeded"})
    states = {look(gateway, job)["status"] for job in (good, bad)}
    assert states == {"succeeded", "failed"}
    assert [job["status"] for job in listed.json()["data"]] == [200]
    assert "canary-answer" not in listed.text
    page = gateway.admin.get("/admin/v1/jobs", params={"limit": 1}).json()
    assert page["data"][0]["id"] == page["next"] == bad["id"]
    assert gateway.admin.get("/admin/v1/jobs/job_nothing").status_code == 404
    assert gateway.admin.get("/admin/v1/jobs", params={"state": "lost"}).status_code == 422
