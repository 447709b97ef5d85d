"""Each source's credential, kept fresh: fetched ahead of its expiry, and sent to the data plane."""

from __future__ import annotations

import asyncio
import random
import time
from functools import partial
from typing import TYPE_CHECKING

from tollway import logs
from tollway.admin.control import Refused, TooLong, Unavailable
from tollway.aside import aside
from tollway.credentials.fetch import fetch, prepare
from tollway.credentials.schedule import Schedule
from tollway.credentials.value import FetchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tollway.admin.control import Control
    from tollway.credentials.settings import Settings, Source
    from tollway.credentials.value import Value

PATIENCE = 45.0
"""Seconds for one fetch, all its requests together."""

LOOK = 30.0
"""Seconds between two looks at the clock while nothing is due: it may be set, and the machine may sleep."""


class Keeper:
    """Keeps the credentials of the sources that the settings in force name, each by a task of its own."""

    def __init__(
        self,
        control: Control,
        *,
        clock: Callable[[], float] = time.time,
        get: Callable[[Source], Value] = fetch,
    ) -> None:
        self._control = control
        self._clock = clock
        self._get = get
        self._tasks: dict[str, tuple[Source, asyncio.Task[None]]] = {}
        self._failing: set[str] = set()

    async def apply(self, settings: Settings | None) -> None:
        """Keep these from now on, and no others. What is the same as before goes on undisturbed."""
        sources: tuple[Source, ...] = ()
        if settings is not None:
            prepare(settings.environment)
            sources = settings.sources
        before, self._tasks = self._tasks, {}
        for source in sources:
            known = before.pop(source.id, None)
            if known is not None and known[0] == source:
                self._tasks[source.id] = known
                continue
            if known is not None:
                known[1].cancel()
            self._tasks[source.id] = (source, asyncio.create_task(self._keep(source)))
        for _, task in before.values():
            task.cancel()
        self._failing &= self._tasks.keys()

    async def end(self) -> None:
        """Stop; nobody waits for a fetch that is under way."""
        tasks = [task for _, task in self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks = {}

    async def _keep(self, source: Source) -> None:
        schedule = Schedule(random.random)
        while True:
            try:
                value = await self._fetched(source)
            except FetchError as error:
                self._went(source, str(error))
                await self._tell({"source": source.id, "error": str(error)})
                delay = schedule.failed()
            else:
                self._went(source, None)
                await self._tell({"source": source.id, **value.told()})
                delay = schedule.succeeded(self._clock(), value.expires)
            await self._until(self._clock() + delay)

    async def _fetched(self, source: Source) -> Value:
        try:
            async with asyncio.timeout(PATIENCE):
                value = await aside(partial(self._get, source))
        except TimeoutError:
            raise FetchError("the issuer takes too long", "check the network and the issuer's address") from None
        if value.expires is not None and value.expires <= self._clock():
            raise FetchError("what the issuer gave has expired already", "check this machine's clock")
        return value

    async def _tell(self, told: dict[str, object]) -> None:
        """Tell the data plane, again and again until it takes it: it may be busy, or about to reload."""
        schedule, said = Schedule(random.random), False
        while True:
            try:
                await self._control.call("credential", told)
            except TooLong:
                logs.error("credentials.refused", source=told["source"], reason="it is too long")
                return
            except (Unavailable, Refused) as error:
                if isinstance(error, Refused) and not said:
                    logs.warning("credentials.refused", source=told["source"], reason=str(error))
                    said = True
                await asyncio.sleep(schedule.failed())
            else:
                return

    async def _until(self, moment: float) -> None:
        while (left := moment - self._clock()) > 0:  # noqa: ASYNC110 - nobody else knows what the clock says
            await asyncio.sleep(min(left, LOOK))

    def _went(self, source: Source, trouble: str | None) -> None:
        """Log a change, once."""
        about = {"kind": source.kind, "providers": list(source.providers), "source": source.id}
        if trouble is None:
            if source.id in self._failing:
                self._failing.discard(source.id)
                logs.info("credentials.back", **about)
        elif source.id not in self._failing:
            self._failing.add(source.id)
            logs.warning("credentials.failing", reason=trouble, **about)
