"""What became of everything that was to be exported."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from tollway import logs

Signal = Literal["traces", "metrics"]
Reason = Literal["queue_full", "refused", "rejected", "missed", "unreadable", "stopped", "replaced"]

EXPORTED = "tollway_otlp_exported_total"
DROPPED = "tollway_otlp_dropped_total"
QUEUE = "tollway_otlp_queue"


class State:
    """Counts, for the life of the process, and how the receiver is."""

    def __init__(self) -> None:
        self._exported: Counter[Signal] = Counter()
        self._dropped: Counter[tuple[Signal, Reason]] = Counter()
        self._failing: dict[Signal, str] = {}

    @property
    def failing(self) -> bool:
        """Whether the last request of any signal failed."""
        return bool(self._failing)

    def exported(self, signal: Signal, items: int) -> None:
        """The receiver has taken `items`."""
        self._exported[signal] += items

    def dropped(self, signal: Signal, reason: Reason, items: int) -> None:
        """`items` will not be exported any more."""
        if items:
            self._dropped[signal, reason] += items

    def went(self, signal: Signal, trouble: str | None) -> None:
        """How a request went; a change is logged."""
        if trouble is None:
            if self._failing.pop(signal, None) is not None:
                logs.info("otlp.back", signal=signal)
        elif signal not in self._failing:
            self._failing[signal] = trouble
            logs.warning("otlp.failing", signal=signal, reason=trouble)

    def off(self) -> None:
        """Nothing is exported any more."""
        self._failing.clear()

    def page(self, queued: int) -> str:
        """The lines that `/metrics` has of this."""
        lines = [
            f"# HELP {EXPORTED} Spans and data points that the OTLP receiver took.",
            f"# TYPE {EXPORTED} counter",
            *(f'{EXPORTED}{{signal="{signal}"}} {self._exported[signal]}' for signal in ("traces", "metrics")),
            f"# HELP {DROPPED} Spans and data points that were not exported; missed counts requests.",
            f"# TYPE {DROPPED} counter",
            *(
                f'{DROPPED}{{signal="{signal}",reason="{reason}"}} {items}'
                for (signal, reason), items in sorted(self._dropped.items())
            ),
            f"# HELP {QUEUE} Spans that wait for the OTLP receiver.",
            f"# TYPE {QUEUE} gauge",
            f"{QUEUE} {queued}",
        ]
        return "\n".join(lines) + "\n"
