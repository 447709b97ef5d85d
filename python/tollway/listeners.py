"""Listening sockets: opened here, or inherited from the process that this one takes over from.

A socket is never closed while its queue may hold a connection: in an upgrade the new process goes on with the same one.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tollway.errors import TollwayError

if TYPE_CHECKING:
    from tollway.config.api import Address

BACKLOG = 4096
"""The connections that the kernel may queue for a listener."""

VARIABLE = "TOLLWAY_INHERIT"
"""`DATA,ADMIN,READY`: the descriptors of both listeners, and of the pipe that wants to hear how the start went."""


class ListenError(TollwayError):
    """An address that cannot be listened on; the text says which and why."""


@dataclass(slots=True)
class Inheritance:
    """What the old process left to this one, in an upgrade; empty in any other start."""

    sockets: dict[str, socket.socket] = field(default_factory=dict)
    ready_fd: int | None = None

    @classmethod
    def take(cls) -> Inheritance:
        """Read the variable, and remove it, so that no process of ours inherits it in turn. Raises `ListenError`."""
        text = os.environ.pop(VARIABLE, "")
        if not text:
            return cls()
        try:
            data, admin, ready = (int(part) for part in text.split(","))
            sockets = {"data": socket.socket(fileno=data), "admin": socket.socket(fileno=admin)}
        except (ValueError, OSError):
            raise ListenError(f"{VARIABLE} does not name the sockets of a running Tollway") from None
        for inherited in sockets.values():
            inherited.set_inheritable(False)
        os.set_inheritable(ready, False)
        return cls(sockets, ready)

    def listener(self, role: Literal["data", "admin"], address: Address) -> socket.socket:
        """The listener on `address`: the inherited one where it is bound to that, else a new one.

        Raises `ListenError`.
        """
        inherited = self.sockets.get(role)
        if inherited is None or not _is_bound_to(inherited, address):
            return _open(address)
        return self.sockets.pop(role)

    def tell(self, text: str) -> None:
        """Tell the old process how the start went: `ready`, or why not. Only the first word counts."""
        if self.ready_fd is None:
            return
        # Where the old process is gone, nobody wants to know.
        with suppress(OSError):
            os.write(self.ready_fd, text.encode()[:4096])
        os.close(self.ready_fd)
        self.ready_fd = None
        # What is left is bound to an address that the configuration does not name any more.
        for unwanted in self.sockets.values():
            unwanted.close()
        self.sockets = {}


def url(listener: socket.socket, scheme: str) -> str:
    """Where `listener` is reached, with the port that it really has."""
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _open(address: Address) -> socket.socket:
    try:
        family, target = _resolve(address)
        listener = socket.create_server(target, family=family, backlog=BACKLOG)
    except OSError as error:
        raise ListenError(f"cannot listen on {address}: {(error.strerror or str(error)).lower()}") from None
    listener.setblocking(False)
    return listener


def _resolve(address: Address) -> tuple[int, tuple[str, int]]:
    """The family and numeric address of what the configuration names. Raises `OSError`."""
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, target = found[0]
    return family, (str(target[0]), int(target[1]))


def _is_bound_to(inherited: socket.socket, address: Address) -> bool:
    try:
        family, (host, port) = _resolve(address)
        bound = inherited.getsockname()
    except OSError:
        return False
    return inherited.family == family and bound[0] == host and port in (0, bound[1])
