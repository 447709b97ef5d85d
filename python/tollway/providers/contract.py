"""What a provider's module declares: one `PROVIDER`, which costs nothing per request."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import Literal

import tollway.providers

Quantity = Literal["delay", "count", "status"]


@dataclass(frozen=True, slots=True)
class Option:
    """A setting that only this provider has: `kind` says what it holds, `default` is as written in the file."""

    name: str
    kind: Quantity
    default: str | int | None
    description: str


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider's declarations.

    `kind` is who answers: a far end over HTTP, or the bundled mock. `dialect` is what the wire says. `base_url` is
    the default; without one the configuration must give it. `auth_header` and `auth_prefix` frame the credential.
    `needs_key` warns when none is configured. `options` are settings beyond those that all providers share.
    """

    title: str
    dialect: str = "openai"
    kind: Literal["http", "mock"] = "http"
    base_url: str | None = None
    auth_header: str = "authorization"
    auth_prefix: str = "Bearer "
    needs_key: bool = False
    options: tuple[Option, ...] = ()


@cache
def providers() -> dict[str, Provider]:
    """Every bundled provider by its `type`, in alphabetical order."""
    found = sorted(module.name for module in pkgutil.iter_modules(tollway.providers.__path__))
    return {
        name.replace("_", "-"): importlib.import_module(f"tollway.providers.{name}").PROVIDER
        for name in found
        if name != "contract"
    }
