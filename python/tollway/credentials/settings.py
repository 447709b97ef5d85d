"""What the supervisor tells of credentials, on standard input: it holds secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["aws", "google", "azure", "ibm", "oauth"]


@dataclass(frozen=True, slots=True)
class Source:
    """One place that credentials come from. `id` is its name in the data plane, `providers` are who uses it.

    `given` is the provider's `auth` with every default and reference settled.
    """

    id: str
    kind: Kind
    providers: tuple[str, ...]
    given: dict[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, told: dict[str, Any]) -> Source:
        """From the supervisor's JSON. Raises `KeyError` where something is missing."""
        return cls(str(told["source"]), told["kind"], tuple(told["providers"]), told["given"])


@dataclass(frozen=True, slots=True)
class Settings:
    """All sources, and the variables that libraries of their kinds go by, as the supervisor has them."""

    environment: dict[str, str] = field(repr=False)
    sources: tuple[Source, ...]

    @classmethod
    def parse(cls, told: dict[str, Any]) -> Settings:
        """From the supervisor's JSON. Raises `KeyError` where something is missing."""
        return cls(dict(told["environment"]), tuple(Source.parse(one) for one in told["sources"]))
