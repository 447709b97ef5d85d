"""The parent process: it owns the listening sockets and the signals, runs the data plane, and keeps the control plane.

| signal | what happens |
|---|---|
| SIGTERM, SIGINT | no new connections; what runs finishes within `server.drain`; exit 0. A second one ends at once |
| SIGHUP | the configuration is read anew; also when one of its files changes |
| SIGUSR2 | an upgrade: a new process takes over the sockets, and this one ends as with SIGTERM |
"""

from __future__ import annotations

import gc
import os
import queue
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tollway import logs
from tollway._dataplane import Gateway
from tollway.child import ControlPlane
from tollway.config.api import render
from tollway.configuration import access, needs_restart
from tollway.errors import TollwayError
from tollway.listeners import Inheritance, url
from tollway.memory import Trimmer
from tollway.signals import Waiter
from tollway.upgrade import Upgrade

if TYPE_CHECKING:
    from collections.abc import Callable

    from tollway.config.api import Built
    from tollway.configuration import Configuration
    from tollway.policy.hooks import HookRuntime

TICK = 0.5
"""Seconds between two looks at the configuration's files; a change is acted on once it is a tick old."""

SAME_SIGNAL = 0.5
"""Seconds in which a second signal is taken for the first: who signals a process and its group sends two."""

HOOK_PATIENCE = 1.0
"""Seconds that hooks which still run get to finish, after the last request has."""

CHILD_PATIENCE = 3.0
"""Seconds that the control plane gets to end by itself."""

LONGEST_SOCKET_PATH = 107
"""What fits into a Unix socket's address, in bytes (unix(7))."""


class StartError(TollwayError):
    """The gateway cannot start; the text says why."""


class Supervisor:
    """One running gateway. `run` returns the exit code."""

    def __init__(self, configuration: Configuration, inheritance: Inheritance, version: str) -> None:
        """Open the sockets and start the data plane. Raises `TollwayError`, and then nothing runs."""
        self._configuration = configuration
        self._inheritance = inheritance
        self._waiter = Waiter()
        self._trimmer = Trimmer()
        self._built = self._started_with = built = configuration.build()
        _warn(built)
        self._data = inheritance.listener("data", built.listen)
        self._admin = inheritance.listener("admin", built.admin)
        self.data_url = url(self._data, "http" if built.config.server.tls is None else "https")
        self.admin_url = url(self._admin, "http")
        self._folder = _private_folder()
        self._gateway = self._start_gateway(built)
        self._child = ControlPlane(self._admin, self._folder / "control", version, access(built))
        self._hooks: HookRuntime | None = None
        self._upgrade: Upgrade | None = None
        self._draining: threading.Thread | None = None
        self._drain_began = 0.0
        self._drained = threading.Event()
        self._announced = False
        self._commands: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
        threading.Thread(target=self._collect_commands, name="tollway-commands", daemon=True).start()

    def run(self, announce: Callable[[str], None]) -> int:
        """Serve until a signal ends it. `announce` is given the line for each listener once it accepts."""
        announce(f"data plane {self.data_url}")
        self._ensure_hooks()
        # What was made to start up stays: the collector, which would hold up hooks, need not look at it again.
        gc.collect()
        gc.freeze()
        next_look = time.monotonic() + TICK
        while not self._drained.is_set():
            self._child.step()
            signals, readable = self._waiter.wait(self._descriptors(), self._until(next_look))
            for number in signals:
                self._on_signal(number)
            if self._child.output in readable and self._child.read():
                self._on_child_ready(announce)
            self._follow_upgrade(readable)
            self._serve_commands()
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + TICK
                self._trimmer.step(*self._gateway.connections(), time.monotonic())
                if self._draining is None and self._configuration.changed():
                    self._reload("file")
        return self._end()

    def _descriptors(self) -> list[int]:
        upgrade = self._upgrade.output if self._upgrade else None
        return [fd for fd in (self._child.output, upgrade) if fd is not None]

    def _until(self, next_look: float) -> float:
        deadlines = [next_look, self._child.deadline, self._upgrade.deadline if self._upgrade else None]
        return min(deadline for deadline in deadlines if deadline is not None) - time.monotonic()

    def _on_signal(self, number: signal.Signals) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            if self._draining is None:
                self._drain(number.name)
            elif time.monotonic() - self._drain_began > SAME_SIGNAL:
                self._end_at_once()
        elif number == signal.SIGHUP and self._draining is None:
            self._reload("SIGHUP")
        elif number == signal.SIGUSR2 and self._draining is None:
            self._begin_upgrade()

    def _on_child_ready(self, announce: Callable[[str], None]) -> None:
        if self._announced:
            logs.info("control-plane.back", pid=self._child.pid)
            return
        self._announced = True
        announce(f"control plane {self.admin_url}")
        logs.info("started", pid=os.getpid(), data_plane=self.data_url, control_plane=self.admin_url)
        if self._built.admin_token_file is not None:
            logs.info("admin.token-made", file=str(self._built.admin_token_file))
        self._inheritance.tell("ready")

    # Reload

    def _reload(self, cause: str) -> str | None:
        """Put the configuration in force as it is now. The old one stays if it cannot be; then, the reasons."""
        if self._configuration.path is None:
            return _refused("there is no configuration file to read: the defaults are served", cause)
        try:
            built = self._configuration.build()
            self._gateway.reload(built.snapshot, cause)
        except (TollwayError, ValueError) as error:
            return _refused(str(error), cause)
        # Whatever else a file may provoke must not end a gateway that serves.
        except Exception as error:  # noqa: BLE001
            return _refused(f"{self._configuration.path}: {type(error).__name__} while reading it", cause)
        self._built = built
        _warn(built)
        for setting in needs_restart(self._started_with, built):
            logs.warning("config.needs-restart", setting=setting)
        self._child.tell(access(built))
        self._ensure_hooks()
        logs.info("config.reloaded", cause=cause, file=str(self._configuration.path))
        return None

    def _collect_commands(self) -> None:
        while self._draining is None:
            command = self._gateway.next_command(3600.0)
            if command is not None:
                self._commands.put(command)
                self._waiter.wake()

    def _serve_commands(self) -> None:
        while not self._commands.empty():
            number, name = self._commands.get()
            if self._draining is not None:
                self._gateway.finish_command(number, "the gateway is ending")
            elif name == "reload":
                self._gateway.finish_command(number, self._reload("admin API"))
            else:
                self._gateway.finish_command(number, f"the supervisor does not know `{name}`")

    def _ensure_hooks(self) -> None:
        if self._configuration.hooks is None or self._hooks is not None:
            return
        # Imported with the first hook, as is the registry: it brings uvloop.
        from tollway.policy.hooks import HookRuntime  # noqa: PLC0415

        self._hooks = HookRuntime(self._gateway, self._configuration.hooks, self._started_with.hook_threads)
        self._hooks.start()

    # Upgrade

    def _begin_upgrade(self) -> None:
        if self._configuration.path is None:
            logs.error("upgrade.refused", reason="without a configuration file, keys and token would change")
        elif self._upgrade is not None:
            logs.warning("upgrade.refused", reason="one is under way")
        else:
            try:
                self._upgrade = Upgrade(self._data.fileno(), self._admin.fileno())
            except OSError as error:
                logs.error("upgrade.failed", reason=str(error))
                return
            logs.info("upgrade.begun", pid=self._upgrade.pid)

    def _follow_upgrade(self, readable: set[int]) -> None:
        upgrade = self._upgrade
        if upgrade is None or (upgrade.output not in readable and time.monotonic() < upgrade.deadline):
            return
        said = upgrade.read()
        if said is None:
            return
        self._upgrade = None
        upgrade.close(kill=said != "ready")
        if said == "ready":
            logs.info("upgrade.done", pid=upgrade.pid)
            self._child.stop(CHILD_PATIENCE)
            self._drain("upgrade")
        else:
            logs.error("upgrade.failed", reason=said)

    # End

    def _drain(self, cause: str) -> None:
        logs.info("draining", cause=cause, at_most=self._built.drain)
        self._drain_began = time.monotonic()
        if self._upgrade is not None:
            self._upgrade.close(kill=True)
            self._upgrade = None
        # A thread, as this one must hear the second signal. Both sockets stay open in a new process, if there is one.
        self._draining = threading.Thread(target=self._drain_gateway, name="tollway-drain", daemon=True)
        self._data.close()
        self._draining.start()

    def _drain_gateway(self) -> None:
        finished = self._gateway.drain(self._built.drain)
        logs.info("drained", finished=finished)
        self._drained.set()
        self._waiter.wake()

    def _end(self) -> int:
        if self._draining is not None:
            self._draining.join()
        if self._hooks is not None:
            self._hooks.stop(HOOK_PATIENCE)
        self._child.stop(CHILD_PATIENCE)
        self._admin.close()
        _remove(self._folder)
        logs.info("stopped")
        return 0

    def _end_at_once(self) -> None:
        logs.warning("stopped", at_once=True)
        self._child.stop(0.0)
        _remove(self._folder)
        # Threads of the data plane and of hooks still run, and nobody wants to wait for them.
        os._exit(1)

    def _start_gateway(self, built: Built) -> Gateway:
        workers = built.workers or len(os.sched_getaffinity(0))
        try:
            control = str(self._folder / "control")
            successor = self._inheritance.ready_fd is not None
            return Gateway([self._data.fileno()], control, workers, built.hook_threads, built.snapshot, successor)
        except (ValueError, OSError) as error:
            _remove(self._folder)
            raise StartError(str(error)) from None


def _private_folder() -> Path:
    """Make a new folder for the control socket, which only this user can enter; its path is kept short enough."""
    wished = [os.environ.get("XDG_RUNTIME_DIR"), os.environ.get("TMPDIR"), "/tmp", "/var/tmp"]  # noqa: S108
    places = [place for place in wished if place]
    for place in places:
        folder = Path(place) / f"tollway-{os.getpid()}-{os.urandom(6).hex()}"
        if len(os.fsencode(folder / "control")) > LONGEST_SOCKET_PATH:
            continue
        try:
            folder.mkdir(mode=0o700)
        except OSError:
            continue
        return folder
    raise StartError(f"no folder for the control socket could be made in {', '.join(places)}")


def _remove(folder: Path) -> None:
    with suppress(OSError):
        (folder / "control").unlink(missing_ok=True)
        folder.rmdir()


def _warn(built: Built) -> None:
    if built.warnings:
        sys.stderr.write(render(built.warnings))
        sys.stderr.flush()


def _refused(reasons: str, cause: str) -> str:
    """Say in full why a configuration was refused, for people, and that it was, for machines."""
    sys.stderr.write(f"{reasons.rstrip()}\n")
    sys.stderr.flush()
    logs.error("config.refused", cause=cause, kept="the configuration in force before")
    return reasons
