"""`/passthrough/PROVIDER/…`: whatever one provider has, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.endpoints.conftest import KEYS, Bench, error
from tests.support.gateway import UPSTREAM_KEY
from tests.support.reply import End, Reply, answer, raw, whole

THROUGH = KEYS["through"]
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
SAID = {
    "id": "c",
    "model": "gpt-4o",
    "choices": [],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_and_path_below_the_base(bench: Bench, method: str) -> None:
    bench.upstream.script(Reply(headers=(("content-type", "application/json"), ("x-secret", "s")), body=(b'{"a":1}',)))
    body = b'{"b": 2}' if method in {"POST", "PUT", "PATCH"} else None
    headers = {
        "content-type": "application/json",
        "openai-beta": "assistants=v2",
        "openai-organization": "org-mine",
        "cookie": "a=b",
        "x-forwarded-for": "1.2.3.4",
        "accept-encoding": "gzip",
        "host-override": "evil",
    }
    given = bench.ask(method, "/passthrough/up/fine_tuning/jobs/ft%3A1?after=x&key=mine", body, headers, key=THROUGH)
    assert given.status == 200, given.body
    if method != "HEAD":
        assert given.body == b'{"a":1}'
    assert given.header("content-type") == "application/json"
    assert given.header("x-secret") is None
    assert given.header("x-tollway-provider") == "up"
    received = bench.upstream.take()
    assert (received.method, received.target) == (method, "/v1/fine_tuning/jobs/ft%3A1?after=x")
    assert received.body == (body or b"")
    names = {name for name, _ in received.headers}
    assert not names & {"openai-organization", "cookie", "x-forwarded-for", "host-override", "x-tollway-provider"}
    assert received.header("openai-beta") == "assistants=v2"
    assert received.header("authorization") == f"Bearer {UPSTREAM_KEY}"
    assert received.header("accept-encoding") == "identity"
    assert received.header("host") == f"127.0.0.1:{bench.upstream.port}"
    record = bench.record(given.header("x-request-id"))
    assert (record["endpoint"], record["provider"], record["key"]) == ("passthrough", "up", "through")


def test_usage_is_read_where_it_is_known(bench: Bench) -> None:
    bench.upstream.script(whole(json.dumps(SAID).encode()))
    given = bench.ask("POST", "/passthrough/up/chat/completions", json.dumps(CHAT).encode(), key=THROUGH)
    assert given.json() == SAID
    record = bench.record(given.header("x-request-id"))
    assert (record["tokens"]["input"], record["tokens"]["output"], record["served_model"]) == (3, 4, "gpt-4o")
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"type": "message", "model": "claude-x", "usage": {"input_tokens": 5}}},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 6}},
        {"type": "message_stop"},
    ]
    body = b"".join(
        b"event: %s\ndata: %s\n\n" % (str(one["type"]).encode(), json.dumps(one).encode()) for one in events
    )
    bench.second.script(Reply(headers=(("content-type", "text/event-stream"),), body=(body,), framing="chunked"))
    given = bench.ask("POST", "/passthrough/claude/messages", b"{}", key=THROUGH)
    assert given.body == body
    tokens = bench.record(given.header("x-request-id"))["tokens"]
    assert (tokens["input"], tokens["output"]) == (5, 6)


def test_a_long_body_goes_on_as_it_comes(bench: Bench) -> None:
    body = bytes(range(256)) * 8192
    for framing in ({"content-length": str(len(body))}, {"transfer-encoding": "chunked"}):
        bench.upstream.script(answer())
        sent = body if "content-length" in framing else b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        lines = f"PUT /passthrough/up/uploads/1 HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {THROUGH}\r\n"
        lines += "".join(f"{name}: {value}\r\n" for name, value in framing.items())
        with bench.gateway.connect() as wire:
            wire.send(lines.encode() + b"\r\n", sent)
            assert wire.answer().status == 200
        assert bench.upstream.take().body == body


ELSEWHERE = [
    "/../admin",
    "/%2e%2e/admin",
    "/a/..%2f..%2fadmin",
    "/%252e%252e/admin",
    "//evil.example/x",
    "/http://evil.example/x",
    "/a/..;/admin",
    "/%5c%5cevil.example",
    "/a%0d%0aX-Evil:%201",
    "/a%00b",
    "/./a",
]


@pytest.mark.parametrize("path", ELSEWHERE)
def test_no_path_leads_elsewhere(bench: Bench, path: str) -> None:
    error(bench.ask("GET", f"/passthrough/up{path}", key=THROUGH), 400, "invalid_request", "path")
    assert bench.upstream.requests == []


def test_no_form_of_a_target_leads_elsewhere(bench: Bench) -> None:
    """An absolute target names a path and no host; CONNECT, TRACE and other methods are refused."""
    bench.upstream.script(answer())
    given = bench.ask("GET", "http://evil.example/passthrough/up/models", key=THROUGH)
    assert given.status == 200
    assert bench.upstream.take().header("host") == f"127.0.0.1:{bench.upstream.port}"
    for line in (
        "CONNECT evil.example:443",
        "TRACE /passthrough/up/x",
        "OPTIONS /passthrough/up/x",
        "BREW /passthrough/up/x",
    ):
        method, target = line.split(" ")
        with bench.gateway.connect() as wire:
            wire.send(f"{method} {target} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {THROUGH}\r\n\r\n".encode())
            assert wire.answer().status in {400, 404, 405}, line
    assert len(bench.upstream.requests) == 1


def test_redirects_are_not_followed(bench: Bench) -> None:
    for status in (301, 302, 307, 308):
        bench.upstream.script(Reply(status=status, headers=(("location", f"{bench.second.url}/v1/x"),)))
        given = bench.ask("GET", "/passthrough/up/files/x:download", key=THROUGH)
        error(given, 502, "upstream_error")
        assert given.header("location") is None
    assert bench.second.requests == []


def test_whose_provider(bench: Bench) -> None:
    for key in (KEYS["files"], KEYS["images"], bench.gateway.key):
        error(bench.ask("GET", "/passthrough/up/models", key=key), 403, "provider_not_allowed", "path")
    for name in ("second", "none", "UP", "up%2F..", "%75p%00"):
        error(bench.ask("GET", f"/passthrough/{name}/models", key=THROUGH), 403, "provider_not_allowed", "path")
    error(bench.ask("GET", "/passthrough/up/models", key=None), 401, "invalid_api_key")
    error(bench.ask("GET", "/passthrough/up", key=THROUGH), 404, "unknown_url")
    given = bench.ask("GET", "/passthrough/up/models", key=KEYS["europe"])
    assert "regions" in error(given, 403, "no_eligible_target")
    assert bench.upstream.requests == []


def test_what_is_not_inspected_is_not_forwarded(bench: Bench) -> None:
    given = bench.ask("POST", "/passthrough/up/chat/completions", json.dumps(CHAT).encode(), key=KEYS["guarded"])
    assert "could not be inspected" in error(given, 400, "guardrail_rejected")
    assert bench.upstream.requests == []
    bench.upstream.script(whole(json.dumps(SAID).encode()))
    given = bench.ask("POST", "/passthrough/up/chat/completions", json.dumps(CHAT).encode(), key=KEYS["open"])
    assert (given.status, given.header("x-tollway-flags")) == (200, "pii:not-inspected")


def test_errors_are_those_of_the_callers_dialect(bench: Bench) -> None:
    bench.second.script(raw(b"", End.CLOSE))
    given = bench.ask("POST", "/passthrough/claude/messages", b"{}", key=THROUGH)
    assert (given.status, given.json()["type"], given.json()["error"]["type"]) == (502, "error", "api_error")
    bench.upstream.script(whole(b'{"error":{"message":"busy","type":"x","param":null,"code":null}}', status=500))
    error(bench.ask("POST", "/passthrough/up/x", b"{}", key=THROUGH), 502, "upstream_error")
    assert len(bench.upstream.requests) == 1, "what it would do twice is not known"


def test_a_key_that_is_made_at_run_time(bench: Bench) -> None:
    made = bench.gateway.admin.post("/admin/v1/keys", json={"passthrough": ["up"], "files": ["claude"]})
    assert made.status_code in {200, 201}, made.text
    bench.upstream.script(answer())
    secret = made.json()["secret"]
    assert bench.ask("GET", "/passthrough/up/models", key=secret).status == 200
    error(bench.ask("GET", "/passthrough/claude/models", key=secret), 403, "provider_not_allowed", "path")
