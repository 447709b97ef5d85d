"""What a provider's module declares: one `PROVIDER`, which costs nothing per request."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import tollway.providers

Quantity = Literal["delay", "count", "status"]
Dialect = Literal["openai", "openai-responses", "openai-completions", "anthropic", "gemini"]


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

    `kind` is who answers: a far end over HTTP, or the bundled mock. `dialects` are what it speaks, the one that others
    are translated to first: a caller of one of them is passed through. `base_url` is the default; without one the
    configuration must give it. `auth_header` and `auth_prefix` frame the credential; `headers` go with every request.
    `max_tokens` is what the provider calls the most tokens of a chat completion. `needs_key` warns when none is
    configured. `options` are settings beyond those that all providers share. `evidence` is what the module was tested
    against: recorded traffic of the provider, or its documentation alone.
    """

    title: str
    evidence: Literal["recorded", "documentation"]
    dialects: tuple[Dialect, ...] = ("openai",)
    kind: Literal["http", "mock"] = "http"
    base_url: str | None = None
    auth_header: str = "authorization"
    auth_prefix: str = "Bearer "
    headers: Mapping[str, str] = field(default_factory=dict)
    max_tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
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
