"""An upgrade without a gap: a new process on the same listening sockets, and this one ends once the new one serves."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tollway.listeners import VARIABLE

PATIENCE = 60.0
"""Seconds that the new process may take until it serves."""


class Upgrade:
    """The start of the new process, with the arguments of this one."""

    def __init__(self, data_fd: int, admin_fd: int) -> None:
        """Start it. Raises `OSError`."""
        self.output, theirs = os.pipe()
        try:
            # The interpreter as it is now on disk, and the same command: that is what an upgrade has replaced.
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, *sys.orig_argv[1:]],
                env=os.environ | {VARIABLE: f"{data_fd},{admin_fd},{theirs}"},
                pass_fds=[data_fd, admin_fd, theirs],
            )
        except OSError:
            os.close(self.output)
            raise
        finally:
            os.close(theirs)
        self.deadline = time.monotonic() + PATIENCE
        self._said = b""

    @property
    def pid(self) -> int:
        """The new process."""
        return self._process.pid

    def read(self) -> str | None:
        """Read what the new process says of its start: `ready`, why it failed, or `None` while it has not said all."""
        if time.monotonic() >= self.deadline:
            return f"it did not serve within {PATIENCE:.0f} seconds"
        said = os.read(self.output, 4096)
        self._said += said
        if said and not self._said.startswith(b"ready"):
            return None
        if self._said.startswith(b"ready"):
            return "ready"
        return self._said.decode(errors="replace").strip() or self._ended()

    def close(self, *, kill: bool) -> None:
        """Let go of the new process; with `kill`, end it."""
        os.close(self.output)
        if kill and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _ended(self) -> str:
        try:
            return f"it ended with code {self._process.wait(5)}"
        except subprocess.TimeoutExpired:
            return "it closed its pipe and hangs"
