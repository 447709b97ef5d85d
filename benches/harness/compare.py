"""Two versions against one another: ratios within each round, and how sure their median is."""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

RESAMPLES = 5_000

FEWEST = 5
"""Rounds below which nothing is a regression: three that all fall on one side prove little."""

Verdict = Literal["ok", "faster", "unclear", "REGRESSION"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The working tree's figure over the base's; below 1 the working tree is the better."""

    name: str
    ratio: float
    low: float
    high: float
    limit: float
    verdict: Verdict


def compare(name: str, ratios: Sequence[float], limit: float, confidence: float) -> Comparison:
    """The median of `ratios`, its confidence interval, and whether it is above `limit` beyond doubt.

    A ratio above the limit whose interval reaches down to 1, or that comes of fewer than `FEWEST` rounds, is `unclear`:
    it cannot be told from no change.
    """
    median = statistics.median(ratios)
    low, high = interval(ratios, confidence)
    if median > limit:
        verdict: Verdict = "REGRESSION" if low > 1 and len(ratios) >= FEWEST else "unclear"
    else:
        verdict = "faster" if high < 1 and len(ratios) >= FEWEST else "ok"
    return Comparison(name, median, low, high, limit, verdict)


def interval(values: Sequence[float], confidence: float) -> tuple[float, float]:
    """The bootstrap confidence interval of the median. The same values always give the same interval."""
    # No secret hangs on it, and a verdict must not depend on luck.
    chance = random.Random(0)  # noqa: S311
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    tail = (1 - confidence) / 2
    return medians[int(tail * RESAMPLES)], medians[min(RESAMPLES - 1, int((1 - tail) * RESAMPLES))]


def instructions(base: Mapping[str, float], tree: Mapping[str, float], limit: float) -> list[Comparison]:
    """The counts of instructions of every step that both versions have. They do not vary: each is its own interval."""
    ratios = {f"{name}, instructions": count / base[name] for name, count in tree.items() if base.get(name)}
    return [Comparison(name, ratio, ratio, ratio, limit, _exact(ratio, limit)) for name, ratio in ratios.items()]


def _exact(ratio: float, limit: float) -> Verdict:
    if ratio > limit:
        return "REGRESSION"
    return "faster" if ratio < 1 / limit else "ok"
