"""What became of everything that was to be posted."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from tollway import logs

Outcome = Literal["delivered", "refused", "given_up", "missed"]

DELIVERIES = "tollway_alert_deliveries_total"
_OUTCOMES: tuple[Outcome, ...] = ("delivered", "refused", "given_up", "missed")


class Tally:
    """Counts, for the life of the process, and which webhooks fail. A webhook is told of by its name."""

    def __init__(self) -> None:
        self._outcomes: Counter[str] = Counter()
        self._failing: set[str] = set()

    @property
    def failing(self) -> bool:
        """Whether the last request to any webhook failed."""
        return bool(self._failing)

    def exported(self, _webhook: str, items: int) -> None:
        """The receiver has taken `items`."""
        self._outcomes["delivered"] += items

    def dropped(self, webhook: str, reason: Literal["refused", "rejected", "given_up", "missed"], items: int) -> None:
        """`items` will not be posted any more."""
        if items:
            self._outcomes[reason] += items
            logs.error("alerts.dropped", webhook=webhook, reason=reason, alerts=items)

    def went(self, webhook: str, trouble: str | None) -> None:
        """How a request went; a change is logged."""
        if trouble is None:
            if webhook in self._failing:
                self._failing.discard(webhook)
                logs.info("alerts.back", webhook=webhook)
        elif webhook not in self._failing:
            self._failing.add(webhook)
            logs.warning("alerts.failing", webhook=webhook, reason=trouble)

    def off(self) -> None:
        """No webhook is what it was."""
        self._failing.clear()

    def page(self) -> str:
        """The lines that `/metrics` has of this."""
        lines = [
            f"# HELP {DELIVERIES} Alerts for webhooks, by what became of them.",
            f"# TYPE {DELIVERIES} counter",
            *(f'{DELIVERIES}{{outcome="{outcome}"}} {self._outcomes[outcome]}' for outcome in _OUTCOMES),
        ]
        return "\n".join(lines) + "\n"
