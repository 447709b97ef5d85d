"""One request to a webhook, signed with its secret.

The signature is `t=UNIX,v1=HEX`, where HEX is the HMAC-SHA256 of `UNIX.BODY`: the scheme of Stripe's webhooks
(<https://docs.stripe.com/webhooks#verify-manually>), for which libraries and examples are at hand. A receiver that
looks at `t` too cannot be told an old alert anew. Redirects are not followed: body and headers are for one host.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Any

import orjson

from tollway.admin.alerts.shown import shown
from tollway.admin.otlp.sender import Sender

if TYPE_CHECKING:
    from tollway.admin.alerts.settings import Settings, Webhook

AGAIN = frozenset((408, 425, 429, *range(500, 600)))
"""What is tried again: it says something of the moment. Any other answer but a 2xx is for good."""


class WebhookSender(Sender):
    """Posts to one webhook. Not for two threads at a time."""

    def __init__(self, webhook: Webhook, settings: Settings) -> None:
        headers = {"content-type": "application/json", **webhook.headers}
        super().__init__(webhook.url, headers, settings.ca, settings.timeout, AGAIN)
        self._secret = webhook.secret.encode()
        self._about: dict[str, str] = {}

    def write(self, notice: dict[str, Any], version: str) -> bytes:
        """The body that tells of `notice`; the next `send` is about it."""
        self._about = {
            "x-tollway-event": "alert.test" if notice["kind"] == "test" else f"alert.{notice['state']}",
            "x-tollway-delivery": f"{notice['id']}.{notice['seq']}",
        }
        return orjson.dumps({**shown(notice), "version": version})

    def more_headers(self, body: bytes) -> dict[str, str]:
        """What it is about, and the signature: of each try, so that it is never old."""
        return {**self._about, "x-tollway-signature": signature(self._secret, int(time.time()), body)}


def signature(secret: bytes, moment: int, body: bytes) -> str:
    """The signature of `body` at `moment`, in seconds since 1970."""
    digest = hmac.new(secret, b"%d.%s" % (moment, body), hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"
