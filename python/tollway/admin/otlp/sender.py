"""One request to the receiver, and what its answer means (OTLP/HTTP).

<https://opentelemetry.io/docs/specs/otlp/#otlphttp-response>: 429, 502, 503 and 504 are tried again, after
`retry-after` where it is given; every other error is for good. An answer's body is read for nothing but how many items
were rejected.
"""

from __future__ import annotations

import http.client
import math
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Container

LARGEST_ANSWER = 64 * 1024
LONGEST_WAIT = 300.0
"""Seconds: no receiver can ask for more."""

AGAIN = frozenset((429, 502, 503, 504))

STALE = frozenset(("RemoteDisconnected", "ConnectionResetError", "BrokenPipeError"))
"""What is seen of a connection that the far end has closed meanwhile."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How it went: `taken`, to be tried `again`, or `refused` for good. `why` is for a log and holds nothing sent."""

    kind: Literal["taken", "again", "refused"]
    why: str = ""
    wait: float | None = None
    body: bytes = b""


class Sender:
    """Sends to one path of one receiver, over one connection that is kept open. Not for two threads at a time."""

    def __init__(
        self, url: str, headers: dict[str, str], ca: str | None, timeout: float, again: Container[int] = AGAIN
    ) -> None:
        parts = urlsplit(url)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._host, self._port = parts.hostname or "", parts.port
        self._headers = {"content-type": "application/x-protobuf", "user-agent": "tollway", **headers}
        self.timeout = timeout
        self._secure = parts.scheme == "https"
        self._ca = ca
        self._again = again
        self._connection: http.client.HTTPConnection | None = None

    def send(self, body: bytes) -> Answer:
        """Send it. Raises nothing that a receiver or a network can cause."""
        kept = self._connection is not None
        answer = self._try(body)
        # A connection that was kept may have been closed by the far end since, which says nothing of the receiver.
        return self._try(body) if kept and answer.why in STALE else answer

    def more_headers(self, _body: bytes) -> dict[str, str]:
        """What a request has besides, each time that it is sent: nothing."""
        return {}

    def abort(self) -> None:
        """End a `send` that another thread is in."""
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(2)

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _try(self, body: bytes) -> Answer:
        try:
            if self._connection is None:
                self._connection = self._connect()
            self._connection.request("POST", self._path, body, {**self._headers, **self.more_headers(body)})
            response = self._connection.getresponse()
            said = response.read(LARGEST_ANSWER)
            if response.will_close or not response.isclosed():
                self.close()
        # A header's value may stand in the text of such an error: only its type is told.
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.close()
            return Answer("again", type(error).__name__)
        if 200 <= response.status < 300:
            return Answer("taken", body=said)
        why = f"status {response.status}"
        if response.status in self._again:
            return Answer("again", why, retry_after(response.getheader("retry-after")))
        return Answer("refused", why)

    def _connect(self) -> http.client.HTTPConnection:
        if not self._secure:
            return http.client.HTTPConnection(self._host, self._port, timeout=self.timeout)
        context = ssl.create_default_context(cafile=self._ca)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self.timeout, context=context)


def retry_after(text: str | None) -> float | None:
    """Seconds of a `retry-after` (RFC 9110 §10.2.3: seconds or a date); `None` where there is none that can be read."""
    if not text:
        return None
    try:
        wait = float(text)
    except ValueError:
        try:
            wait = parsedate_to_datetime(text).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(wait, 0.0), LONGEST_WAIT) if math.isfinite(wait) else None
