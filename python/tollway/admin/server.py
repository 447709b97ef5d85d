"""granian, inside this process, on a listening socket that was inherited."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings, HTTP2Settings
from granian.log import LogLevels
from granian.server.embed import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

HEAD_TIMEOUT_MS = 10_000
LARGEST_HEAD = 64 * 1024
MOST_CONNECTIONS = 512


class InheritedServer(Server):
    """granian's embedded server, which would else open a socket of its own.

    It leans on two members that granian does not promise to keep: `_init_shared_socket`, which sets `_ssp`, `_shd` and
    `_sfd`, and `SocketHolder`. A test serves through them, so that an update that changes them is found at once.
    """

    def __init__(self, app: ASGIApp, fd: int) -> None:
        super().__init__(
            app,
            interface=Interfaces.ASGINL,
            http=HTTPModes.auto,
            websockets=False,
            backlog=MOST_CONNECTIONS,
            backpressure=MOST_CONNECTIONS,
            http1_settings=HTTP1Settings(header_read_timeout=HEAD_TIMEOUT_MS, max_buffer_size=LARGEST_HEAD),
            http2_settings=HTTP2Settings(max_concurrent_streams=64, max_headers_size=LARGEST_HEAD),
            log_level=LogLevels.error,
            log_dictconfig={"formatters": {}, "handlers": {}, "loggers": {"_granian": {"propagate": True}}},
        )
        self._inherited = fd
        self.accepting = asyncio.Event()
        logging.getLogger("granian.access").disabled = True

    def _init_shared_socket(self) -> None:
        holder: Any = SocketHolder  # its stub does not tell how it is made
        self._ssp = None
        self._shd: Any = holder(self._inherited, False, MOST_CONNECTIONS)
        self._sfd: Any = self._inherited

    def startup(self, spawn_target: Callable[..., Any], target_loader: Callable[..., Any]) -> None:
        """Start the worker's task; `accepting` is set in the loop's next turn, after the worker's own first one."""
        super().startup(spawn_target, target_loader)  # type: ignore[no-untyped-call]
        asyncio.get_running_loop().call_soon(self.accepting.set)

    def interrupt(self) -> None:
        """Let `serve` end: nothing new is accepted, and what runs is finished."""
        self.stop()  # type: ignore[no-untyped-call]
