"""Who is told of alerts at the moment: nobody, or the webhooks that the settings in force name."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from tollway.admin.alerts.settings import DELIVERED
from tollway.admin.alerts.tally import Tally
from tollway.admin.alerts.webhook import WebhookSender
from tollway.admin.control import Refused, Unavailable
from tollway.admin.otlp.delivery import Delivery
from tollway.admin.otlp.running import Running
from tollway.aside import aside

if TYPE_CHECKING:
    from pathlib import Path

    from tollway.admin.alerts.settings import Settings, Webhook
    from tollway.admin.control import Control

PAUSE = 0.5
"""Seconds between two looks for new notices, of which the data plane holds the newest 1000."""

MOST_NOTICES = 100
"""Notices of one look."""

GIVE_UP = 3600.0
"""Seconds after which a notice that no try could deliver gives way to the next one."""


class Positions:
    """The number of the next notice of each webhook, by its id, and the file that says so to a child after this one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._next: dict[str, int] = {}
        self._from_start = False

    def resume(self) -> None:
        """Go on from where an earlier child was; without one, from the gateway's start."""
        try:
            self._next = dict(orjson.loads(self._file.read_bytes()))
        except (OSError, ValueError, TypeError):
            self._from_start = True

    def of(self, webhook: Webhook) -> int | None:
        """The next notice for it; `None` for one that is new: it is told of what comes."""
        return self._next.get(webhook.id, 0 if self._from_start else None)

    def move(self, webhook: Webhook, following: int) -> None:
        """Everything before `following` is settled for it; write that down."""
        if self._next.get(webhook.id) == following:
            return
        self._next[webhook.id] = following
        draft = self._file.with_suffix(".new")
        with suppress(OSError):  # then more is posted twice after a restart
            draft.write_bytes(orjson.dumps(self._next))
            draft.replace(self._file)

    def keep(self, webhooks: tuple[Webhook, ...]) -> None:
        """Forget all others; those that come later are new."""
        known = {webhook.id for webhook in webhooks}
        self._next = {one: following for one, following in self._next.items() if one in known}

    def settled(self) -> None:
        """From now on whoever is not known is new."""
        self._from_start = False


class Notifier:
    """Posts alerts as the settings in force say, and counts what became of them."""

    def __init__(self, control: Control, folder: Path, version: str) -> None:
        self._control = control
        self._version = version
        self._positions = Positions(folder / DELIVERED)
        self._settings: Settings | None = None
        self._running = Running("alerts.fault")
        self._testing = asyncio.Lock()
        self.tally = Tally()

    async def apply(self, settings: Settings | None, *, resume: bool = False) -> None:
        """Post as `settings` say from now on; not at all without. With `resume`, take up an earlier child's work."""
        if settings == self._settings:
            return
        await self.end()
        self._settings = settings
        self.tally.off()
        if resume:
            self._positions.resume()
        webhooks = () if settings is None else settings.webhooks
        self._positions.keep(webhooks)
        for webhook in webhooks:
            assert settings is not None  # noqa: S101 - else there are none
            sender = WebhookSender(webhook, settings)
            self._running.connect(sender)
            delivery = Delivery(webhook.name, sender, self.tally, self._running.ending)
            self._running.run(self._post(webhook, sender, delivery, self._positions.of(webhook)))
        self._positions.settled()

    async def end(self) -> None:
        """Post what there is, as far as that is soon done, and stop."""
        await self._running.end()

    async def test(self) -> list[dict[str, Any]]:
        """Post a test alert to each webhook, once; what became of each."""
        settings = self._settings
        if settings is None:
            return []
        async with self._testing:  # as many requests as there are webhooks, not as many as somebody asks for
            return list(await asyncio.gather(*(self._try(webhook, settings) for webhook in settings.webhooks)))

    async def _try(self, webhook: Webhook, settings: Settings) -> dict[str, Any]:
        sender = WebhookSender(webhook, settings)
        now = time.time_ns() // 1000
        told = {"id": f"alert_{secrets.token_hex(8)}", "seq": 0, "kind": "test", "severity": "info", "count": 1}
        said = {"subject": "test", "message": "This is a test; nothing is wrong.", "state": "firing"}
        body = sender.write({**told, **said, "first_us": now, "last_us": now}, self._version)
        try:
            async with asyncio.timeout(2 * settings.timeout):
                answer = await aside(partial(sender.send, body))
        except TimeoutError:
            sender.abort()
            return {"webhook": webhook.name, "outcome": "failed", "detail": "too slow"}
        sender.close()
        taken = answer.kind == "taken"
        return {"webhook": webhook.name, "outcome": "delivered" if taken else "failed", "detail": answer.why or None}

    async def _post(
        self, webhook: Webhook, sender: WebhookSender, delivery: Delivery[Tally], following: int | None
    ) -> None:
        """Post the notices to `webhook` as they come, from `following` on, until the end."""
        while True:
            last = delivery.ending.is_set()
            page = await self._notices(following)
            if page is not None:
                self.tally.dropped(webhook.name, "missed", page["missed"])
                for notice in page["data"]:
                    if (webhook.kinds is None or notice["kind"] in webhook.kinds) and not await self._deliver(
                        notice, sender, delivery
                    ):
                        return  # the end has begun, and the webhook does not take it
                    self._positions.move(webhook, notice["seq"] + 1)
                following = page["next"]
                self._positions.move(webhook, page["next"])
            if last:
                return
            await delivery.pause(PAUSE)

    async def _deliver(self, notice: dict[str, Any], sender: WebhookSender, delivery: Delivery[Tally]) -> bool:
        """Whether `notice` is settled: taken, refused, or given up."""
        body = sender.write(notice, self._version)
        settled = await delivery.deliver(body, 1, lambda _: 0, time.monotonic() + GIVE_UP)
        if not settled and not delivery.ending.is_set():
            self.tally.dropped(delivery.signal, "given_up", 1)
            return True
        return settled

    async def _notices(self, following: int | None) -> Any:  # noqa: ANN401 - JSON
        try:
            return await self._control.call("alerts.notices", {"after": following, "limit": MOST_NOTICES})
        except (Unavailable, Refused):
            return None
