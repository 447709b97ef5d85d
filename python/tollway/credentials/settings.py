"""What the supervisor tells of credentials, on standard input: it holds secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["aws", "google", "azure", "ibm", "oauth"]


@dataclass(frozen=True, slots=True)
class Source:
    """One place that credentials come from. `id` is its name in the data plane, `providers` are who uses it.

    `given` is the provider's `auth` with every default and reference settled; `environment` are the variables that
    libraries of its kind read, as the supervisor has them.
    """

    id: str
    kind: Kind
    providers: tuple[str, ...]
    given: dict[str, Any] = field(repr=False)
    environment: dict[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """For logs."""
        return f"{self.kind} {self.id}"

    @classmethod
    def parse(cls, told: dict[str, Any]) -> Source:
        """From the supervisor's JSON. Raises `KeyError` where something is missing."""
        return cls(str(told["source"]), told["kind"], tuple(told["providers"]), told["given"], told["environment"])


def parse(told: list[dict[str, Any]]) -> tuple[Source, ...]:
    """All sources, from the supervisor's JSON. Raises `KeyError` where something is missing."""
    return tuple(Source.parse(one) for one in told)
