"""A stand-in for the gateway's side of the hooks: the same calls, answered by the test instead of by the data plane."""

from __future__ import annotations

import json
import os
import queue
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tollway.policy.hooks import HookRuntime
from tollway.policy.load import HookRegistry

if TYPE_CHECKING:
    from tollway._dataplane import Gateway


class HookCall:
    """One call, and a way to wait for its answer."""

    def __init__(self, hook: int, context: dict[str, Any], body: bytes) -> None:
        self.hook = hook
        self.context = json.dumps(context).encode()
        self.body = body
        self.cancelled = False
        self._answered = threading.Event()
        self._answer: tuple[object, ...] = ()

    def finish(self, action: str, message: str | None, body: bytes | None, flags: list[str]) -> None:
        self._set((action, message, body, flags))

    def fail(self, error: str) -> None:
        self._set(("failed", error))

    def _set(self, answer: tuple[object, ...]) -> None:
        assert not self._answered.is_set(), "answered twice"
        self._answer = answer
        self._answered.set()

    @property
    def answered(self) -> bool:
        return self._answered.is_set()

    def answer(self) -> tuple[object, ...]:
        assert self._answered.wait(10), "the hook was never answered"
        return self._answer


class Source:
    """The queue of plain hooks and the descriptor of asynchronous ones."""

    def __init__(self) -> None:
        self._sync: queue.SimpleQueue[HookCall | None] = queue.SimpleQueue()
        self._adapters: queue.SimpleQueue[HookCall | None] = queue.SimpleQueue()
        self._async: list[HookCall] = []
        self._lock = threading.Lock()
        self._fd = os.eventfd(0, os.EFD_NONBLOCK)

    def next_hook(self) -> HookCall | None:
        return self._sync.get()

    def next_adapter(self) -> HookCall | None:
        return self._adapters.get()

    def hook_fd(self) -> int:
        return self._fd

    def take_async_hooks(self) -> list[HookCall]:
        with self._lock:
            os.eventfd_read(self._fd)
            calls, self._async = self._async, []
        return calls

    def put(self, call: HookCall, is_async: bool) -> None:
        if not is_async:
            self._sync.put(call)
            return
        with self._lock:
            self._async.append(call)
            os.eventfd_write(self._fd, 1)

    def close(self, threads: int) -> None:
        for _ in range(threads):
            self._sync.put(None)
            self._adapters.put(None)


class Harness:
    """A running hook runtime, and calls into it."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.folder = folder
        self.registry = HookRegistry()
        self.registry.add_folder(folder)
        self.source = Source()
        self.runtime = HookRuntime(cast("Gateway", self.source), self.registry, threads)

    def begin(self, hook: str, body: bytes = b"{}", **context: object) -> HookCall:
        number, is_async = self.registry.resolve(hook)
        full = {
            "phase": "request",
            "request_id": "req_1",
            "route": "support",
            "endpoint": "chat/completions",
            "stream": False,
            "key": {"id": "k1", "team": "t", "project": None, "environment": "dev"},
        }
        call = HookCall(number, full | context, body)
        self.source.put(call, is_async)
        return call

    def ask(self, hook: str, body: bytes = b"{}", **context: object) -> tuple[object, ...]:
        return self.begin(hook, body, **context).answer()
