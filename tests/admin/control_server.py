"""A control socket that speaks the data plane's protocol, with answers that the test chooses."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from typing import Any

HEALTH: dict[str, object] = {
    "status": "ready",
    "generation": 3,
    "workers": 2,
    "connections": 2,
    "in_flight": 1,
    "store": {"state": "ok", "detail": None, "since_us": 1},
    "journal": {"state": "ok", "bytes": 1, "max_bytes": 2, "unshipped": 0, "lag_us": 0, "dropped": 0},
    "keys": {"state": "fresh", "as_of_us": 1},
    "degraded": [],
}
KEY: dict[str, object] = {
    "id": "k3v9x2m4q8ta",
    "source": "store",
    "settings": {"team": "data-science", "models": ["fast"]},
    "state": "active",
    "created_us": 1,
    "updated_us": 1,
    "revoked_us": None,
    "rotated_us": None,
    "previous_until_us": None,
    "version": 1,
}
SECRET = "tw-k3v9x2m4q8ta-canary-canary-canary-canary-canary-canary-0"
SCOPE: dict[str, object] = {
    "kind": "team",
    "name": "data-science",
    "source": "config",
    "settings": {"models": ["fast"], "limits": {"rpm": 10}},
    "created_us": None,
    "updated_us": None,
    "version": None,
}
ROW: dict[str, object] = {
    "start_us": None,
    "team": "data-science",
    **dict.fromkeys(("requests", "errors", "input", "cache_read", "cache_write", "output", "reasoning"), 1),
    "cost_nano": None,
    **dict.fromkeys(("unpriced", "duration_us_sum", "first_token_us_sum", "first_token_count"), 1),
}
RECORD: dict[str, object] = {
    "id": "req_01a5f0c2b3d40123456789abcdef0123",
    "accepted_us": 1,
    "endpoint": "chat/completions",
    "status": 200,
    "error": None,
    "stream": False,
    "tags": ["a"],
    "attempts": [{"provider": "up", "model": "m", "class": "ok", "status": 200, "at_us": 1, "took_us": 2}],
    "total_us": 3,
    "overhead_us": 1,
    "upstream_us": 2,
    "tokens": {"input": 1, "output": None},
    "estimated": False,
    "cache": "bypass",
    "flags": [],
    "request_bytes": 1,
    "response_bytes": 2,
    "payload": False,
}
ALERT: dict[str, object] = {
    "id": "alert_51b7c2e09d3f4a68",
    "kind": "dead_key",
    "severity": "critical",
    "subject": "up, key 1",
    "message": "The provider refused this key.",
    "state": "firing",
    "count": 1,
    "first_us": 1795267200000000,
    "last_us": 1795267200250000,
}
JOB: dict[str, object] = {
    "id": "job_00000000000000000000000000000001",
    "key": "k1",
    "state": "running",
    "endpoint": "chat/completions",
    "model": "m",
    "request_id": "req_00000000000000000000000000000001",
    "attempt": 1,
    "posts": 0,
    "status": None,
    "callback_host": None,
    "trouble": None,
    "created_us": 1795267200000000,
    "started_us": 1795267200250000,
    "ended_us": None,
    "expires_us": None,
}
ENTRY: dict[str, object] = {
    "seq": 1,
    "at_us": 1,
    "actor": "admin",
    "action": "create",
    "kind": "key",
    "name": "k3v9x2m4q8ta",
    "before": None,
    "after": {"team": "data-science"},
    "previous": "",
    "hash": "00",
}
HEAD: dict[str, object] = {"seq": 1, "hash": "00", "at_us": 1, "signature": "00"}
TARGET: dict[str, object] = {
    "route": "fast",
    "provider": "mock",
    "model": "m",
    "region": None,
    "tags": [],
    "state": "closed",
    "success_rate": 1.0,
    "p50_ms": None,
    "p95_ms": None,
    "in_flight": 0,
    "limited_until_us": None,
}
ROUTE = {
    "name": "fast",
    "strategy": "single",
    "targets": [
        {
            "provider": "mock",
            "model": "m",
            "timeout_ms": 30000,
            "first_token_ms": 30000,
            "idle_ms": 30000,
            "max_retries": 2,
        }
    ],
    "hooks": ["m:f"],
    "guarded": True,
}
METRICS = "# TYPE tollway_in_flight gauge\ntollway_in_flight 1\n"


class ControlServer:
    """Answers each line with what `answers` holds for its call: an object, or raw bytes to send and hang up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answers: dict[str, object] = {
            "health": {"ok": HEALTH},
            "routes": {"ok": [ROUTE]},
            "targets": {"ok": [TARGET]},
            "keys.list": {"ok": {"data": [KEY], "next": None}},
            "keys.show": {"ok": KEY},
            "keys.create": {"ok": {**KEY, "secret": SECRET}},
            "keys.patch": {"ok": KEY},
            "keys.rotate": {"ok": {**KEY, "secret": SECRET}},
            "keys.revoke": {"ok": {**KEY, "state": "revoked"}},
            "scopes.list": {"ok": {"data": [SCOPE], "next": None}},
            "scopes.show": {"ok": SCOPE},
            "scopes.create": {"ok": SCOPE},
            "scopes.patch": {"ok": SCOPE},
            "scopes.delete": {"ok": None},
            "usage": {"ok": {"data": [ROW], "next": None}},
            "requests.search": {"ok": {"data": [RECORD], "next": "c", "scanned": 1}},
            "requests.show": {"ok": {**RECORD, "payload": {"request": "{}", "response": "{}"}}},
            "jobs.list": {"ok": {"data": [JOB], "next": None}},
            "jobs.show": {"ok": JOB},
            "alerts": {"ok": {"data": [ALERT]}},
            "tail": {"ok": {"data": [{**RECORD, "seq": 7}], "next": 7, "missed": 0}},
            "audit.search": {"ok": {"data": [ENTRY], "next": None}},
            "audit.verify": {"ok": {"ok": True, "entries": 1, "first_bad": None}},
            "audit.head": {"ok": HEAD},
            "metrics": {"ok": METRICS},
            "reload": {"ok": {"generation": 4}},
        }
        self.calls: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self._listener: socket.socket | None = None
        self.start()

    def start(self) -> None:
        """Listen, as a data plane that has come back does."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def last(self, call: str) -> dict[str, Any]:
        """What was asked last with `call`."""
        return next(asked for asked in reversed(self.asked) if asked["call"] == call)

    def stop(self) -> None:
        """Be gone."""
        if self._listener is not None:
            # close() alone would leave the thread waiting in accept().
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
            self.path.unlink()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            for line in lines:
                asked = json.loads(line)
                self.asked.append(asked)
                self.calls.append(asked["call"])
                answer = self.answers[asked["call"]]
                if isinstance(answer, bytes):
                    connection.sendall(answer)
                    return
                connection.sendall(json.dumps(answer).encode() + b"\n")
