"""An HTTP proxy that tunnels with CONNECT, and records what it was asked."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

from tests.support.connection import Connection


class ConnectProxy:
    """Tunnels every CONNECT to this machine; with `refusal`, answers so instead."""

    def __init__(self, refusal: bytes | None = None) -> None:
        self.asked: list[bytes] = []
        self._refusal = refusal
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(Connection(accepted, 0), accepted), daemon=True).start()

    def _serve(self, connection: Connection, accepted: socket.socket) -> None:
        self._sockets.append(accepted)
        connection.start(None)
        head = connection.until(b"\r\n\r\n")
        if head is None:
            connection.close()
            return
        self.asked.append(head)
        with contextlib.suppress(OSError), contextlib.closing(connection):
            if self._refusal is not None:
                connection.send(self._refusal)
                return
            port = int(head.split(b" ")[1].rpartition(b":")[2])
            with socket.create_connection(("127.0.0.1", port)) as onward:
                self._sockets.append(onward)
                connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
                threading.Thread(target=self._back, args=(onward, connection), daemon=True).start()
                while data := connection.some():
                    onward.sendall(data)

    def _back(self, onward: socket.socket, connection: Connection) -> None:
        with contextlib.suppress(OSError), contextlib.closing(connection):
            while data := onward.recv(1 << 16):
                connection.send(data)
