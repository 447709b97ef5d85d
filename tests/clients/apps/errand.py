"""What an application is sent for through the gateway, and what it brings home, whichever library it is made with.

Errands and outcomes are plain JSON, so that an application can live in an environment, or a language, of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

SYSTEM = "You are terse."
QUESTION = "What is the weather in Zürich?"
WEATHER = "Weather of a city, in °C"
MEASURED = "21 °C, light wind"
"""What the tool gives."""


class Report(BaseModel):
    """The weather of a city, as members."""

    city: str
    degrees: int


Task = Literal["ask", "tool", "report", "schema", "form"]
"""`ask` a question; let the model use the `tool`, then answer in words, as a `report` (the library's own way) or by a
`schema`; or have a `form` filled in at once."""


@dataclass(frozen=True)
class Errand:
    """What is to be done, where, and as what."""

    url: str
    key: str
    route: str
    task: Task
    stream: bool


@dataclass
class Outcome:
    """The answer in the end."""

    text: str = ""
    report: dict[str, Any] | None = None
    ran: list[dict[str, Any]] = field(default_factory=list)
    """The arguments of each run of the tool."""
    input: int | None = None
    """All input tokens of the last answer, or of all together (`summed`); None where the library does not tell."""
    output: int | None = None
    summed: bool = False
    stop: str | None = None
    """Why the last answer ended, in the library's words, where it tells."""


@dataclass
class Weather:
    """The application's tool: it remembers what it was run with."""

    ran: list[dict[str, Any]] = field(default_factory=list)

    def get_weather(self, city: str, days: int) -> str:
        """Weather of a city, in °C"""
        self.ran.append({"city": city, "days": days})
        return MEASURED


App = Callable[[Errand], Outcome]
