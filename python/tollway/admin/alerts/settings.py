"""What the supervisor tells of `[alerts]`, on standard input: URLs, secrets and headers are secrets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

DELIVERED = "delivered.json"
"""The file beside the control socket that says which notice is the next for each webhook."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook; `kinds` is `None` for all. `name` is for logs: its place in the list, and its host."""

    name: str
    url: str = field(repr=False)
    secret: str = field(repr=False)
    kinds: frozenset[str] | None
    headers: dict[str, str] = field(repr=False)

    @property
    def id(self) -> str:
        """The same as long as its URL is."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Settings:
    """`[alerts]`, with every default and reference settled. `timeout` is in seconds."""

    timeout: float
    ca: str | None
    webhooks: tuple[Webhook, ...]

    @classmethod
    def parse(cls, line: dict[str, Any]) -> Settings:
        """From the supervisor's JSON. Raises `KeyError` where something is missing."""
        return cls(float(line["timeout"]), line["ca"], tuple(_webhook(*one) for one in enumerate(line["webhooks"])))


def _webhook(index: int, told: dict[str, Any]) -> Webhook:
    kinds = None if told["kinds"] is None else frozenset(told["kinds"])
    name = f"webhooks[{index}] {urlsplit(told['url']).hostname}"
    return Webhook(name, str(told["url"]), str(told["secret"]), kinds, dict(told["headers"]))
