"""One place where the supervisor waits: for signals, descriptors, other threads and deadlines."""

from __future__ import annotations

import selectors
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD)


class Waiter:
    """Wakes for a signal at once, though the main thread sits in a system call.

    Python writes the number of each signal to a socket that `wait` watches; the handlers themselves do nothing.
    """

    def __init__(self) -> None:
        self._ear, self._bell = socket.socketpair()
        self._ear.setblocking(False)
        self._bell.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._ear, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        for number in HANDLED:
            signal.signal(number, _ignore)

    def wake(self) -> None:
        """Let `wait` return; from any thread."""
        # Where it is full, it wakes anyway.
        with suppress(BlockingIOError):
            self._bell.send(b"\0")

    def wait(self, descriptors: Iterable[int], timeout: float) -> tuple[list[signal.Signals], set[int]]:
        """Wait at most `timeout` seconds: the signals that came, and the descriptors that can be read."""
        wanted = set(descriptors)
        for fd in wanted:
            self._selector.register(fd, selectors.EVENT_READ)
        try:
            ready = {key.fd for key, _ in self._selector.select(max(0.0, timeout))}
        finally:
            for fd in wanted:
                self._selector.unregister(fd)
        numbers = self._drain() if self._ear.fileno() in ready else b""
        return [signal.Signals(number) for number in numbers if number], ready & wanted

    def _drain(self) -> bytes:
        heard = b""
        while True:
            try:
                heard += self._ear.recv(4096)
            except BlockingIOError:
                return heard


def _ignore(_number: int, _frame: object) -> None:
    """Nothing: a handler has to be there, or the signal would end the process."""
