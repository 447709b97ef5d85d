"""Whether the credentials of clouds can be had: each is fetched once, as the control plane does, and thrown away."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

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
        todo = "check the network and the issuer's address"
        return [
            (_name(provider), "fail", f"{source.kind}: the issuer takes too long", todo)
            for provider in source.providers
        ]
    except FetchError as error:
        return [(_name(provider), "fail", f"{source.kind}: {error.why}", error.todo) for provider in source.providers]
    said = "does not expire" if value.expires is None else f"expires in {(value.expires - time.time()) / 60:.0f} min"
    return [(_name(provider), "ok", f"{source.kind}: {said}", None) for provider in source.providers]


def _name(provider: str) -> str:
    return f"credentials of {provider}"
