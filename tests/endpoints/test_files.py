"""`/v1/files`, `/v1/batches`, `/v1/messages/batches`: what one provider keeps."""

from __future__ import annotations

import json

import anthropic
import pytest

from tests.endpoints.conftest import KEYS, Bench, error
from tests.support.gateway import KEY, UPSTREAM_KEY
from tests.support.reply import Gate, Reply, whole

FILE = {
    "id": "file-1",
    "object": "file",
    "bytes": 298,
    "created_at": 1,
    "filename": "b.jsonl",
    "purpose": "batch",
    "status": "processed",
}
BATCH = {
    "id": "batch_1",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "input_file_id": "file-1",
    "completion_window": "24h",
    "status": "in_progress",
    "created_at": 1,
    "request_counts": {"total": 3, "completed": 2, "failed": 0},
}
MESSAGES = {
    "id": "msgbatch_1",
    "type": "message_batch",
    "processing_status": "in_progress",
    "request_counts": {"processing": 1, "succeeded": 2, "errored": 0, "canceled": 0, "expired": 0},
    "created_at": "2026-01-01T00:00:00Z",
    "expires_at": "2026-01-02T00:00:00Z",
    "ended_at": None,
    "archived_at": None,
    "cancel_initiated_at": None,
    "results_url": None,
}


def says(value: object, status: int = 200) -> Reply:
    return whole(json.dumps(value).encode(), status=status)


@pytest.mark.parametrize("size", [300, 2_000_000], ids=["short", "long"])
def test_a_files_life(bench: Bench, size: int) -> None:
    content = b'{"custom_id": "0"}\n' * (size // 19)
    deleted = {"id": "file-1", "object": "file", "deleted": True}
    back = Reply(headers=(("content-type", "application/octet-stream"), ("set-cookie", "a=b")), body=(content,))
    bench.upstream.script(says(FILE), says({"object": "list", "data": [FILE]}), says(FILE), back, says(deleted))
    with bench.client(KEYS["files"]) as client:
        assert client.files.create(file=("b.jsonl", content), purpose="batch").id == "file-1"
        assert [one.id for one in client.files.list(limit=2).data] == ["file-1"]
        assert client.files.retrieve("file-1").bytes == 298
        assert client.files.content("file-1").read() == content
        assert client.files.delete("file-1").deleted
    uploaded, listed, *others = [bench.upstream.take() for _ in range(5)]
    assert (uploaded.method, uploaded.target) == ("POST", "/v1/files")
    assert content in uploaded.body
    assert (uploaded.header("content-type") or "").startswith("multipart/form-data; boundary=")
    assert (listed.method, listed.target) == ("GET", "/v1/files?limit=2")
    assert [one.target for one in others] == ["/v1/files/file-1", "/v1/files/file-1/content", "/v1/files/file-1"]
    assert others[2].method == "DELETE"
    for one in (uploaded, listed, *others):
        assert one.header("authorization") == f"Bearer {UPSTREAM_KEY}"
        assert "canary-files" not in one.head.decode()


def test_a_batchs_life(bench: Bench) -> None:
    bench.upstream.script(says(BATCH), says(BATCH), says({**BATCH, "status": "cancelling"}))
    with bench.client(KEYS["files"]) as client:
        made = client.batches.with_raw_response.create(
            input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h"
        )
        assert made.parse().id == "batch_1"
        assert client.batches.retrieve("batch_1").request_counts is not None
        assert client.batches.cancel("batch_1").status == "cancelling"
    sent = bench.upstream.take()
    assert sent.json() == {"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    record = bench.record(made.headers["x-request-id"])
    assert (record["endpoint"], record["provider"], record["key"]) == ("batches", "up", "files")
    assert {"batch:total=3", "batch:completed=2"} <= set(record["flags"])


def test_a_batch_of_messages(bench: Bench) -> None:
    """Anthropic's own client, whose provider is named by a header."""
    line = {"custom_id": "0", "result": {"type": "canceled"}}
    results = Reply(headers=(("content-type", "application/x-jsonl"),), body=(json.dumps(line).encode() + b"\n",))
    ended = {**MESSAGES, "processing_status": "ended", "results_url": "https://api.anthropic.com/v1/x/results"}
    bench.second.script(says(MESSAGES), says(ended), results)
    headers = {"x-tollway-provider": "claude"}
    with anthropic.Anthropic(
        base_url=bench.gateway.url, api_key=KEYS["both"], max_retries=0, default_headers=headers
    ) as client:
        params = {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
        assert client.messages.batches.create(requests=[{"custom_id": "0", "params": params}]).id == "msgbatch_1"  # type: ignore[typeddict-item]
        assert client.messages.batches.retrieve("msgbatch_1").processing_status == "ended"
    fetched = bench.ask("GET", "/v1/messages/batches/msgbatch_1/results", headers=headers, key=KEYS["both"])
    assert json.loads(fetched.body) == line
    made, asked, _ = [bench.second.take() for _ in range(3)]
    assert (made.target, asked.target) == ("/v1/messages/batches", "/v1/messages/batches/msgbatch_1")
    assert made.json()["requests"][0]["params"] == params
    assert made.header("x-api-key") == "canary-second-upstream-key"
    assert made.header("anthropic-version") is not None


def test_whose_files(bench: Bench) -> None:
    """No key may use any unless it says so; of several providers one must be named."""
    said = error(bench.ask("GET", "/v1/files"), 403, "provider_not_allowed")
    assert "no provider" in said
    error(bench.ask("GET", "/v1/files", key=None), 401, "invalid_api_key")
    error(bench.ask("GET", "/v1/files", key=KEYS["both"]), 400, "invalid_request", "x-tollway-provider")
    for name in ("second", "none", "claude"):
        answer = bench.ask("GET", "/v1/files", headers={"x-tollway-provider": name}, key=KEYS["files"])
        error(answer, 403, "provider_not_allowed", "x-tollway-provider")
    error(bench.ask("GET", "/v1/files/../models", key=KEYS["files"]), 400, "invalid_request", "path")
    error(bench.ask("TRACE", "/v1/files", key=KEYS["files"]), 405, "method_not_allowed")
    error(bench.ask("GET", "/passthrough/up/files", key=KEYS["files"]), 403, "provider_not_allowed", "path")
    assert bench.upstream.requests == bench.second.requests == []
    refused = bench.ask("GET", "/v1/messages/batches", key=KEY)
    assert refused.json()["error"]["type"] == "permission_error", "in Anthropic's form"
    assert refused.json()["type"] == "error"


def test_what_the_provider_says_is_told(bench: Bench) -> None:
    bench.upstream.script(
        says({"error": {"message": "No such File object: file-9", "type": "invalid_request_error"}}, 404)
    )
    answer = bench.ask("GET", "/v1/files/file-9", key=KEYS["files"])
    assert (answer.status, answer.json()["error"]["message"]) == (404, "No such File object: file-9")
    bench.upstream.script(says({"error": {"message": f"Incorrect API key provided: {UPSTREAM_KEY}"}}, 401))
    error(bench.ask("GET", "/v1/files", key=KEYS["files"]), 502, "upstream_credentials")
    bench.upstream.script(Reply(status=302, headers=(("location", "http://127.0.0.1:1/x"),)))
    error(bench.ask("GET", "/v1/files", key=KEYS["files"]), 502, "upstream_error")
    assert len(bench.upstream.requests) == 3, "nothing is sent again, no redirect followed"


def test_a_long_file_comes_as_it_is_sent(bench: Bench) -> None:
    gate = Gate()
    first, rest = bytes(200_000), b"x" * 100
    kind = (("content-type", "application/octet-stream"),)
    bench.upstream.script(Reply(headers=kind, body=(first, gate, rest), framing="length"))
    with bench.gateway.connect() as wire:
        wire.send(
            b"GET /v1/files/f/content HTTP/1.1\r\nhost: g\r\nauthorization: Bearer %s\r\n\r\n" % KEYS["files"].encode()
        )
        head = wire.head()
        assert head.header("content-length") == str(len(first) + len(rest))
        gate.arrived()
        assert head.header("x-tollway-provider") == "up"
        gate.open()
        wire.until(rest)
