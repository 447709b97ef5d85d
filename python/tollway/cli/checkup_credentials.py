"""Whether the credentials of clouds can be had: each is fetched once, as the control plane does, and thrown away."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Literal

from tollway.aside import aside
from tollway.credentials.fetch import fetch, prepare
from tollway.credentials.settings import Settings, Source
from tollway.credentials.value import FetchError

if TYPE_CHECKING:
    from tollway.cli.checkup_online import Found
    from tollway.config.api import Built

PATIENCE = 60.0
"""Seconds for one credential."""


def credentials_fetched(built: Built) -> list[Found]:
    """A check for each provider whose credential is fetched."""
    if built.credentials is None:
        return []
    settings = Settings.parse(built.credentials)
    prepare(settings.environment)
    return asyncio.run(_all(settings))


async def _all(settings: Settings) -> list[Found]:
    found = await asyncio.gather(*map(_one, settings.sources))
    return [one for several in found for one in several]


async def _one(source: Source) -> list[Found]:
    try:
        async with asyncio.timeout(PATIENCE):
            value = await aside(partial(fetch, source))
    except TimeoutError:
        return _said(source, "fail", "the issuer takes too long", "check the network and the issuer's address")
    except FetchError as error:
        return _said(source, "fail", error.why, error.todo)
    if value.expires is None:
        return _said(source, "ok", "does not expire", None)
    return _said(source, "ok", f"expires in {(value.expires - time.time()) / 60:.0f} min", None)


def _said(source: Source, state: Literal["ok", "fail"], said: str, todo: str | None) -> list[Found]:
    return [(f"credentials of {provider}", state, f"{source.kind}: {said}", todo) for provider in source.providers]
