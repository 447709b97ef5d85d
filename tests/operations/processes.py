"""Other processes of a gateway than the one that the test started, and their ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
from collections.abc import Iterator

import psutil

from tests.support.gateway import RunningGateway
from tests.support.waiting import eventually

_PR_SET_CHILD_SUBREAPER = 36


def control_plane(pid: int) -> int:
    """The process of the control plane of the gateway `pid`, awaited."""
    return eventually(lambda: _control_plane(pid), "the gateway has a control plane")


def _control_plane(pid: int) -> int:
    found = [child.pid for child in psutil.Process(pid).children() if "tollway.admin" in child.cmdline()]
    assert len(found) <= 1
    return found[0] if found else 0


def lives(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def adopting() -> Iterator[None]:
    """While this lasts, a process whose parent ends becomes a child of ours, so that its exit code can be known."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    try:
        yield
    finally:
        assert libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) == 0


class Successor:
    """The process that took over from a gateway in an upgrade. Only within `adopting`."""

    def __init__(self, gateway: RunningGateway) -> None:
        gateway.printed("upgrade.begun")
        found = re.findall(r'"upgrade\.begun".*"pid": (\d+)', gateway.log)
        self.pid = int(found[-1])

    def stop(self) -> int | None:
        """Send SIGTERM and wait for the end; its exit code, or `None` where it has not become our child."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        codes: list[int] = []
        eventually(lambda: self._ended(codes), "the successor ends", 30)
        return codes[0] if codes else None

    def _ended(self, codes: list[int]) -> bool:
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            return not lives(self.pid)
        if pid:
            codes.append(os.waitstatus_to_exitcode(status))
        return bool(pid)
