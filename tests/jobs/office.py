"""What the tests of jobs share: a gateway that takes them, and a receiver that checks what is posted to it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from tests.support.gateway import KEY, RunningGateway, chat_body, minimal
from tests.support.upstream import Received
from tests.support.waiting import eventually
from tests.support.wire import Answer, ask, encoded

SECRET = "canary-callback-secret-1"
SHARED_SECRET = "canary-callback-secret-2"
OTHER_KEY = "canary-virtual-key-2"
OPEN = ("queued", "running", "posting")

Job = dict[str, Any]


def configuration(upstream_url: str, callbacks: list[str] | None = None, **tables: Mapping[str, object]) -> str:
    """One route, and two keys; the first may have answers posted to `callbacks`, on this machine too."""
    keys: dict[str, object] = {
        "test": {"secret": "env:TEST_KEY", "callbacks": callbacks or [], "callback_secret": "env:CALLBACK_SECRET"},
        "other": {"secret": "env:OTHER_KEY", "callbacks": callbacks or []},
    }
    jobs = {
        "private_hosts": ["127.0.0.1", "localhost"],
        "callback_pause": "20ms",
        "callback_secret": "env:SHARED_SECRET",
        **tables.pop("jobs", {}),
    }
    keys.update(tables.pop("keys", {}))
    return minimal(upstream_url, keys=keys, jobs=jobs, **tables)


ENVIRONMENT = {"CALLBACK_SECRET": SECRET, "SHARED_SECRET": SHARED_SECRET, "OTHER_KEY": OTHER_KEY}


def submit(gateway: RunningGateway, callback: str = "poll", *headers: tuple[str, str], key: str = KEY) -> Job:
    """A chat completion that nobody waits for; the job that it becomes."""
    answer = gateway.chat(None, ("x-tollway-callback", callback), *headers, key=key)
    assert answer.status == 202, answer
    job: Job = answer.json()
    assert answer.header("location") == f"/v1/jobs/{job['id']}"
    assert (job["object"], job["status"], job["attempt"]) == ("job", "queued", 0)
    return job


def call(gateway: RunningGateway, method: str, path: str, key: str = KEY) -> Answer:
    """Asks without a body."""
    head = f"{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
    return ask(gateway.address, head.encode())


def post(gateway: RunningGateway, path: str, body: object, *headers: tuple[str, str]) -> Answer:
    """Asks with a body."""
    data = encoded(body)
    lines = [f"POST {path} HTTP/1.1", "host: x", "connection: close", f"content-length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ask(gateway.address, "\r\n".join([*lines, "", ""]).encode() + data)


def look(gateway: RunningGateway, job: Job, key: str = KEY) -> Job:
    """How a job is."""
    answer = call(gateway, "GET", f"/v1/jobs/{job['id']}", key)
    assert answer.status == 200, answer
    found: Job = answer.json()
    return found


def ended(gateway: RunningGateway, job: Job, key: str = KEY, *, within: float = 30.0) -> Job:
    """How a job is once it has ended, its post too."""

    def over() -> Job | None:
        found = look(gateway, job, key)
        return None if found["status"] in OPEN else found

    return eventually(over, f"{job['id']} ends", within) or {}


def in_state(gateway: RunningGateway, job: Job, state: str) -> None:
    """Wait until a job is in `state`, by the admin API, which needs no key of a caller."""

    def there() -> bool:
        shown = gateway.admin.get(f"/admin/v1/jobs/{job['id']}")
        return shown.status_code == 200 and shown.json()["state"] == state

    eventually(there, f"{job['id']} is {state}", 30.0)


def signed(received: Received, secret: str) -> bool:
    """Whether what was received is signed with `secret`, as a receiver finds out."""
    parts = dict(part.split("=", 1) for part in (received.header("x-tollway-signature") or "").split(","))
    told = hmac.new(secret.encode(), f"{parts['t']}.".encode() + received.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(told, parts["v1"])


def derived(key_id: str) -> str:
    """The secret of a key that has none of its own."""
    return hmac.new(SHARED_SECRET.encode(), key_id.encode(), hashlib.sha256).hexdigest()


__all__ = ["ENVIRONMENT", "OTHER_KEY", "SECRET", "Job", "call", "chat_body", "configuration"]
