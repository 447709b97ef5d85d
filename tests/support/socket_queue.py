"""How much a process of this machine has not read yet from a TCP connection, asked of the kernel (sock_diag(7))."""

from __future__ import annotations

import socket
import struct

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST = 1
_ERROR = 2


def unread_by_peer(own: tuple[str, int], peer: tuple[str, int]) -> int | None:
    """The bytes that wait in the other end's queue, with those still on their way; `None` if that end is gone.

    `own` and `peer` are this end's addresses, both IPv4. The answers of both ends are summed: what was sent and not
    acknowledged is not yet in the other's queue.
    """
    sent = _queues(own, peer)
    waiting = _queues(peer, own)
    return None if sent is None or waiting is None else sent[1] + waiting[0]


def _queues(local: tuple[str, int], remote: tuple[str, int]) -> tuple[int, int] | None:
    """The receive and send queue of one end."""
    # struct inet_diag_req_v2, with the connection's four parts as its id and no cookie.
    addresses = socket.inet_aton(local[0]).ljust(16, b"\0") + socket.inet_aton(remote[0]).ljust(16, b"\0")
    identity = struct.pack("!HH", local[1], remote[1]) + addresses + struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
    request = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + identity
    header = struct.pack("=IHHII", 16 + len(request), _SOCK_DIAG_BY_FAMILY, _REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as netlink:
        netlink.send(header + request)
        answer = netlink.recv(8192)
    kind = struct.unpack_from("=H", answer, 4)[0]
    if kind == _ERROR:
        return None
    # struct inet_diag_msg: four bytes, the id of 48, expires, then the two queues.
    receive, send = struct.unpack_from("=II", answer, 16 + 4 + 48 + 4)
    return receive, send
