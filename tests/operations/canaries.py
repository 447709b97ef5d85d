"""Strings that nobody else has, and the places where they must not turn up."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field

from tests.support.wire import Answer


def canary(role: str) -> str:
    """A secret that tells what it was for, once it is found where it should not be."""
    return f"canary-{role}-{secrets.token_hex(16)}"


def traces(secret: str) -> list[str]:
    """What would give it away: its random part, the beginning and the end of that, and the whole in base64."""
    random_part = secret.rpartition("-")[2]
    # Base64 of what stands in the middle of a longer text: the three ways in which it can be aligned.
    encoded = [base64.b64encode(b" " * shift + secret.encode()).decode()[4:-4] for shift in range(3)]
    return [random_part[:10], random_part[-10:], *encoded]


@dataclass
class Harvest:
    """Everything that was seen from outside, with where."""

    found: list[tuple[str, str]] = field(default_factory=list)

    def add(self, where: str, text: str) -> None:
        """Note a text."""
        self.found.append((where, text))

    def answer(self, where: str, answer: Answer) -> Answer:
        """Note an answer's head and body."""
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers)
        self.add(where, f"{answer.status}\n{head}\n\n{answer.body.decode(errors='replace')}")
        return answer

    def holds_nothing_of(self, canaries: dict[str, str]) -> None:
        """Check that no text has a trace of any canary."""
        leaks = [
            f"{role} in {where}: …{text[max(0, text.index(trace) - 80) : text.index(trace) + 40]}…"
            for role, secret in canaries.items()
            for trace in traces(secret)
            for where, text in self.found
            if trace in text
        ]
        assert not leaks, "\n".join(leaks)
