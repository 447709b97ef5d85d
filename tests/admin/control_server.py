"""A control socket that speaks the data plane's protocol, with answers that the test chooses."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

HEALTH = {"status": "ready", "generation": 3, "workers": 2, "connections": 2, "in_flight": 1}
KEY = {
    "id": "summarizer",
    "team": "data-science",
    "project": None,
    "environment": "dev",
    "models": ["fast"],
    "expires": None,
    "revoked": False,
}
TARGET: dict[str, object] = {"route": "fast", "provider": "mock", "model": "m", "region": None, "tags": []}
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
            "keys": {"ok": [KEY]},
            "metrics": {"ok": METRICS},
            "reload": {"ok": {"generation": 4}},
        }
        self.calls: list[str] = []
        self._listener: socket.socket | None = None
        self.start()

    def start(self) -> None:
        """Listen, as a data plane that has come back does."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

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
                name = json.loads(line)["call"]
                self.calls.append(name)
                answer = self.answers[name]
                if isinstance(answer, bytes):
                    connection.sendall(answer)
                    return
                connection.sendall(json.dumps(answer).encode() + b"\n")
