"""The control plane's process, as the supervisor sees it: started, told, watched, restarted."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tollway import logs
from tollway.admin.alerts.settings import DELIVERED
from tollway.admin.otlp.settings import POSITION, PROVIDERS
from tollway.admin.settings import ORIGINS

if TYPE_CHECKING:
    import socket
    from pathlib import Path

FIRST_DELAY, LONGEST_DELAY = 0.1, 10.0
"""Seconds before a restart: the first, and what doubling stops at."""

PIPE = 256 * 1024
"""Bytes that the child's standard input holds while it reads nothing, where the system allows it."""

STEADY = 10.0
"""Seconds of life after which the delays begin anew."""

# Not the rest: a provider's key in the environment is none of the control plane's business.
_PASSED_ON = frozenset(("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ", "VIRTUAL_ENV"))
_PASSED_ON_PREFIXES = ("LC_", "MALLOC_", "PYTHON", "COVERAGE_")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use the control plane, and what it does besides; the token and all that is optional hold secrets."""

    token: str
    metrics_open: bool
    origins: dict[str, dict[str, str]] = field(default_factory=dict)
    """Where each setting of each route was made."""
    telemetry: dict[str, object] | None = None
    """What is exported, and where to; `None` for nothing."""
    providers: dict[str, tuple[str, str | None, int | None]] = field(default_factory=dict)
    """The type, host and port of each provider."""
    alerts: dict[str, object] | None = None
    """Whom it tells of alerts; `None` for nobody."""
    credentials: dict[str, object] | None = None
    """Which credentials of providers it fetches; `None` for none."""

    def __repr__(self) -> str:
        return f"Access(metrics_open={self.metrics_open})"

    def to_json(self) -> dict[str, object]:
        """For the child's standard input alone."""
        access = {"token": self.token, "metrics_open": self.metrics_open}
        more = {"telemetry": self.telemetry, "alerts": self.alerts, "credentials": self.credentials}
        return {**access, **more}


class ControlPlane:
    """Keeps one child running. `step` does what is due; `deadline` says when it is due again."""

    def __init__(self, listener: socket.socket, control: Path, version: str, access: Access) -> None:
        self._fd = listener.fileno()
        self._control = control
        self._version = version
        # Sums of the data plane begin with it, not with whichever child exports them.
        self._began = time.time_ns()
        self._access = access
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._delay = FIRST_DELAY
        self._restart_at: float | None = 0.0
        self._ready = False

    @property
    def pid(self) -> int | None:
        """The child's process, where there is one."""
        return self._process.pid if self._process else None

    @property
    def output(self) -> int | None:
        """The descriptor on which the child will say that it is ready; `None` once it did, or while there is none."""
        if self._process is None or self._process.stdout is None or self._process.stdout.closed:
            return None
        return self._process.stdout.fileno()

    @property
    def deadline(self) -> float | None:
        """When, on the monotonic clock, the next restart is due."""
        return self._restart_at

    def step(self) -> None:
        """Notice that the child died, and start one when it is time."""
        if self._process is not None and self._process.poll() is not None:
            self._bury()
        if self._restart_at is not None and time.monotonic() >= self._restart_at:
            self._start()

    def read(self) -> bool:
        """Read what the child said: whether it is ready now."""
        if self._process is None or self._process.stdout is None:
            return False
        said = os.read(self._process.stdout.fileno(), 64)
        self._process.stdout.close()
        self._ready = said.startswith(b"ready")
        return self._ready

    def tell(self, access: Access) -> None:
        """Let the child, and each that follows it, go by `access`."""
        if access == self._access:
            return
        self._access = access
        self._publish()
        self._write(access.to_json())

    def stop(self, patience: float) -> None:
        """End the child, by force after `patience` seconds, and start no other."""
        self._restart_at = None
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._close()
        for name in (ORIGINS, PROVIDERS, POSITION, DELIVERED):
            self._control.with_name(name).unlink(missing_ok=True)

    def _start(self) -> None:
        self._restart_at = None
        self._publish()
        self._started = time.monotonic()
        self._ready = False
        # -P: a file of the working directory must not be imported in place of a library. A process group of its own:
        # the terminal's Ctrl-C is for the supervisor, which lets running requests finish first.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tollway.admin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[self._fd],
            env=_environment(),
            process_group=0,
        )
        # What it is told must not wait for it: the supervisor has signals to hear. What fits is 64 KiB else (pipe(7)).
        with suppress(OSError):
            fcntl.fcntl(self._process.stdin or -1, fcntl.F_SETPIPE_SZ, PIPE)
        start = {"fd": self._fd, "control": str(self._control), "version": self._version, "began_ns": self._began}
        self._write({**start, "access": self._access.to_json()})

    def _bury(self) -> None:
        if self._process is None:
            return
        lived = time.monotonic() - self._started
        if lived >= STEADY:
            self._delay = FIRST_DELAY
        logs.error("control-plane.ended", code=self._process.returncode, after=round(lived, 1), restart_in=self._delay)
        self._close()
        self._restart_at = time.monotonic() + self._delay
        self._delay = min(self._delay * 2, LONGEST_DELAY)

    def _publish(self) -> None:
        """Leave beside the control socket what is too much for a pipe that nobody may be reading."""
        for name, told in ((ORIGINS, self._access.origins), (PROVIDERS, self._access.providers)):
            file = self._control.with_name(name)
            draft = file.with_suffix(".new")
            try:
                draft.write_text(json.dumps(told))
                draft.replace(file)
            except OSError as error:
                # They are missed in one answer of the admin API, and in spans; nothing else hangs on them.
                draft.unlink(missing_ok=True)
                logs.warning("control-plane.unpublished", file=name, reason=error.strerror)

    def _write(self, line: dict[str, object]) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(json.dumps(line).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            pass  # it has died; the next one is told at its start

    def _close(self) -> None:
        if self._process is None:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                pass  # a line that could not be written any more
        self._process = None


def _environment() -> dict[str, str]:
    passed = {
        name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    # Looking for pydantic's plugins opens every installed package's metadata at each start.
    return passed | {"PYDANTIC_DISABLE_PLUGINS": "1"}
