"""The hook runtime: the threads and the event loop on which hooks and adapters run, off the data plane's threads."""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import orjson
import uvloop

from tollway import logs
from tollway.policy.adapters import LoadedAdapter, adapt, drive
from tollway.policy.contract import Request, Response, Verdict
from tollway.policy.load import HookRegistry, LoadedHook

if TYPE_CHECKING:
    from tollway._dataplane import Gateway, HookCall

SWEEP = 0.02
"""Seconds between two looks, while asynchronous hooks run, for calls that nobody waits for any more."""

QUIET = 1.0
"""Seconds for which the further failures of a hook are only counted."""

MOST_FRAMES = 20
"""The most frames of a traceback that are logged, innermost last."""


class HookRuntime:
    """Runs the calls that `source` hands out. `start` once, `stop` after the source was drained."""

    def __init__(self, source: Gateway, registry: HookRegistry, threads: int) -> None:
        self._source = source
        self._registry = registry
        self._failures = _Failures()
        # Daemons: a hook that never returns must not keep the process from ending.
        self._threads = [
            threading.Thread(target=self._serve, args=(take,), name=f"tollway-{kind}-{number}", daemon=True)
            for kind, take in (("hook", source.next_hook), ("adapter", source.next_adapter))
            for number in range(threads)
        ]
        self._loop_thread = _LoopThread(source, self._run_async)
        self._started = False

    def start(self) -> None:
        """Begin to serve; a second call does nothing."""
        if self._started:
            return
        self._started = True
        for thread in self._threads:
            thread.start()
        self._loop_thread.start()

    def stop(self, timeout: float) -> None:
        """Wait, at most `timeout` seconds in all, for what still runs, and let go of it."""
        if not self._started:
            return
        self._started = False
        deadline = time.monotonic() + timeout
        self._loop_thread.stop(timeout)
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _serve(self, take: Callable[[], HookCall | None]) -> None:
        while (call := take()) is not None:
            self._run_sync(call)

    def _run_sync(self, call: HookCall) -> None:
        if call.cancelled:
            call.fail("Cancelled")  # it waited in the queue for longer than its caller did
            return
        hook: LoadedHook | LoadedAdapter | None = None
        # BaseException: a sys.exit() in a hook would else end this thread, and its slot with it.
        try:
            hook = self._registry.lookup(call.hook)
            if isinstance(hook, LoadedAdapter):
                call.finish("replace", None, drive(adapt(call, hook)), [])
            else:
                _finish(call, hook.function(_message(call)))
        except BaseException as error:  # noqa: BLE001
            self._fail(call, hook, error)

    async def _run_async(self, call: HookCall) -> None:
        hook: LoadedHook | LoadedAdapter | None = None
        try:
            hook = self._registry.lookup(call.hook)
            if isinstance(hook, LoadedAdapter):
                call.finish("replace", None, await adapt(call, hook), [])
            else:
                _finish(call, await hook.function(_message(call)))
        except asyncio.CancelledError as error:
            # Cancelled because its caller left: the data plane has decided already and only wants the slot back.
            if call.cancelled:
                call.fail("Cancelled")
            else:
                self._fail(call, hook, error)
        # A SystemExit that leaves a task ends the loop, and so every other hook.
        except BaseException as error:  # noqa: BLE001
            self._fail(call, hook, error)

    def _fail(self, call: HookCall, hook: LoadedHook | LoadedAdapter | None, error: BaseException) -> None:
        call.fail(type(error).__name__)
        kind = "adapter" if isinstance(hook, LoadedAdapter) else "hook"
        self._failures.log(kind, hook.call if hook else f"#{call.hook}", error)


class _LoopThread:
    """One uvloop event loop on a thread of its own, for all asynchronous hooks."""

    def __init__(self, source: Gateway, run: Callable[[HookCall], Coroutine[Any, Any, None]]) -> None:
        self._source = source
        self._run_call = run
        self._thread = threading.Thread(target=self._serve, name="tollway-hooks-async", daemon=True)
        self._loop = uvloop.new_event_loop()
        self._tasks: dict[asyncio.Task[None], HookCall] = {}
        self._sweeping = False

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        if sys.version_info >= (3, 12):
            # A hook that answers without waiting then never goes through the loop's queue.
            self._loop.set_task_factory(asyncio.eager_task_factory)
        fd = self._source.hook_fd()
        self._loop.add_reader(fd, self._take)
        try:
            self._loop.run_forever()
        finally:
            self._loop.remove_reader(fd)
            for task in list(self._tasks):
                task.cancel()
            # One turn, in which every task sees that it was cancelled and gives its slot back.
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    def _take(self) -> None:
        for call in self._source.take_async_hooks():
            task = self._loop.create_task(self._run_call(call))
            if not task.done():
                self._tasks[task] = call
                task.add_done_callback(self._forget)
        if self._tasks and not self._sweeping:
            self._sweeping = True
            self._loop.call_later(SWEEP, self._sweep)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)

    def _sweep(self) -> None:
        """The data plane measures the timeouts and knows when a caller leaves; here only its word is passed on."""
        for task, call in self._tasks.items():
            if call.cancelled:
                task.cancel()
        self._sweeping = bool(self._tasks)
        if self._sweeping:
            self._loop.call_later(SWEEP, self._sweep)


def _message(call: HookCall) -> Request | Response:
    context = orjson.loads(call.context)
    return (Request if context["phase"] == "request" else Response)(context, call.body)


def _finish(call: HookCall, answer: object) -> None:
    """Give the data plane the verdict. Raises `TypeError` for anything else, which counts as the hook's failure."""
    if answer is None:
        call.finish("allow", None, None, [])
        return
    if not isinstance(answer, Verdict):
        if inspect.iscoroutine(answer):
            answer.close()  # else Python warns that it was never awaited
        raise TypeError("a hook answers with a verdict or None")
    call.finish(answer.action, answer.message, _encode(call, answer), list(answer.flags))


def _encode(call: HookCall, verdict: Verdict) -> bytes | None:
    if verdict.body is None:
        return None
    context = orjson.loads(call.context)
    as_text = context["phase"] == "response" and context["stream"]
    if isinstance(verdict.body, str) != as_text:
        raise TypeError("a streamed response is replaced by a text, everything else by a dict")
    return verdict.body.encode() if isinstance(verdict.body, str) else orjson.dumps(dict(verdict.body))


class _Failures:
    """Logs the failures of hooks and adapters: who, what type, where. Never the exception's text: it may quote much.

    A hook that fails on every request is logged once in `QUIET` seconds, with the number of times since.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, tuple[float, int]] = {}

    def log(self, kind: str, name: str, error: BaseException) -> None:
        now = time.monotonic()
        with self._lock:
            last, unsaid = self._last.get(name, (-QUIET, 0))
            if now - last < QUIET:
                self._last[name] = (last, unsaid + 1)
                return
            self._last[name] = (now, 0)
        said = {kind: name, "exception": type(error).__name__, "trace": _trace(error), "also_failed": unsaid}
        logs.error(f"{kind}.failed", **said)


def _trace(error: BaseException) -> list[str]:
    frames: list[str] = []
    # The first frame is the runtime's own.
    trace = error.__traceback__.tb_next if error.__traceback__ else None
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename}:{trace.tb_lineno} in {code.co_name}")
        trace = trace.tb_next
    return frames[-MOST_FRAMES:]
