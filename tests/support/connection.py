"""The server's end of one TCP or TLS connection: read by a thread of its own, so that its end is noticed at once."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time

from tests.support.socket_queue import unread_by_peer
from tests.support.waiting import DEADLINE, eventually


class Gone(threading.Event):
    """Set when the other side has left; `at` is when."""

    def __init__(self) -> None:
        super().__init__()
        self.at: float | None = None

    def set(self) -> None:
        if self.at is None:
            self.at = time.monotonic()
        super().set()


class Connection:
    """A connection that was accepted. `sent` counts the bytes of all that could be handed to the kernel whole."""

    def __init__(self, accepted: socket.socket, number: int) -> None:
        self.number = number
        self.gone = Gone()
        self.ended = threading.Event()
        self.sent = 0
        self._socket = accepted
        # One TLS session must not be used by two threads at a time.
        self._turn: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        self._inbox = bytearray()
        self._arrived = threading.Condition()
        self._ended = False
        self._reader: threading.Thread | None = None
        self._closing = threading.Lock()
        self._closed = False

    def start(self, tls: ssl.SSLContext | None) -> str | None:
        """Begin; the protocol that ALPN chose. Raises `OSError` if the handshake fails."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        protocol = None
        if tls is not None:
            self._socket.settimeout(DEADLINE)
            self._socket = tls.wrap_socket(self._socket, server_side=True)
            self._socket.settimeout(None)
            protocol = self._socket.selected_alpn_protocol()
            self._turn = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return protocol

    def send(self, data: bytes) -> None:
        """Send all of `data`. Raises `OSError` if the other side is gone."""
        with self._turn:
            self._socket.sendall(data)
        self.sent += len(data)

    def all_read(self) -> None:
        """Wait until the other side has read all that was sent, or has left."""
        own, peer = self._socket.getsockname(), self._socket.getpeername()
        eventually(lambda: self.ended.is_set() or unread_by_peer(own, peer) == 0, "the other side reads what was sent")

    def until(self, mark: bytes) -> bytes | None:
        """What comes up to and with `mark`; `None` if the connection ends before."""
        with self._arrived:
            self._arrived.wait_for(lambda: mark in self._inbox or self._ended)
            end = self._inbox.find(mark)
            return None if end < 0 else self._pull(end + len(mark))

    def exactly(self, count: int) -> bytes | None:
        """The next `count` bytes; `None` if the connection ends before."""
        with self._arrived:
            self._arrived.wait_for(lambda: len(self._inbox) >= count or self._ended)
            return self._pull(count) if len(self._inbox) >= count else None

    def some(self) -> bytes:
        """What has come, at least a byte; nothing at the end."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._inbox or self._ended)
            return self._pull(len(self._inbox))

    def close(self) -> None:
        """End it with FIN."""
        self._end(None)

    def reset(self) -> None:
        """End it with RST."""
        self._end(struct.pack("ii", 1, 0))

    def _end(self, linger: bytes | None) -> None:
        with self._closing:
            if self._closed:
                return
            self._closed = True
        with contextlib.suppress(OSError):
            if linger is not None:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            # close() alone would neither wake the reader nor, while it reads, end the connection.
            self._socket.shutdown(socket.SHUT_RD if linger else socket.SHUT_RDWR)
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join(DEADLINE)
        self._socket.close()

    def _pull(self, count: int) -> bytes:
        pulled = bytes(self._inbox[:count])
        del self._inbox[:count]
        return pulled

    def _read(self) -> None:
        try:
            while data := self._receive():
                with self._arrived:
                    self._inbox += data
                    self._arrived.notify_all()
        except (OSError, ValueError):
            # Reset by the other side, or closed by ours.
            pass
        finally:
            with self._arrived:
                self._ended = True
                self._arrived.notify_all()
            self.left()

    def left(self) -> None:
        """Note that nothing more can come or go, and if this end did not end it, that the other one did."""
        if not self._closed:
            self.gone.set()
        self.ended.set()

    def _receive(self) -> bytes:
        if isinstance(self._socket, ssl.SSLSocket) and not self._socket.pending():
            select.select([self._socket], [], [])
        with self._turn:
            return self._socket.recv(1 << 18)
