"""The families of `/metrics` as OTLP metrics: cumulative since the gateway's start, histograms with their own bounds.

Each family goes out under its own name, `tollway.NAME` without the unit, which OTLP says apart. The histograms that the
GenAI conventions name go out under that name too, as far as a provider was asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Gauge,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Histogram as OtlpHistogram

from tollway.admin.otlp.names import COUNTED_OPERATION, HISTOGRAMS, LABELS, Names
from tollway.admin.otlp.settings import Provider
from tollway.admin.otlp.spans import attributes

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

    from tollway.admin.otlp.page import Buckets, Family, Labels
    from tollway.admin.otlp.spans import Value

_Series = TypeVar("_Series")

CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
MOST_POINTS = 2_000
"""How many data points go into one request: some 0.5 MB."""

_UNITS = {"_seconds": "s", "_bytes": "By", "_usd": "USD", "_tokens": "{token}", "_requests": "{request}"}


class Metrics:
    """Makes metrics with the names of one version of the conventions. Times are in nanoseconds since 1970."""

    def __init__(self, names: Names, providers: dict[str, Provider], began: int) -> None:
        self._names = names
        self._providers = providers
        self._began = began

    def of(self, families: list[Family], now: int) -> Iterator[list[Metric]]:
        """The metrics as they are `now`, in parts of at most `MOST_POINTS` data points."""
        part: list[Metric] = []
        points = 0
        for metric in self._all(families, now):
            if points + count(metric) > MOST_POINTS and part:
                yield part
                part, points = [], 0
            part.append(metric)
            points += count(metric)
        if part:
            yield part

    def _all(self, families: list[Family], now: int) -> Iterator[Metric]:
        for family in families:
            name, unit = _named(family.name)
            if family.kind == "histogram":
                yield from self._histograms(family, (name, unit, family.help), now)
                known = HISTOGRAMS.get(family.name)
                if known is not None and (convention := self._names[known.meaning]):
                    shown = (convention, unit, known.description)
                    yield from self._histograms(family, shown, now, modelled=True)
            elif family.values:
                yield from self._numbers(family, name, unit, now)

    def _numbers(self, family: Family, name: str, unit: str, now: int) -> Iterator[Metric]:
        for piece in _pieces(list(family.values.items())):
            points = [
                NumberDataPoint(
                    start_time_unix_nano=self._began,
                    time_unix_nano=now,
                    attributes=self._attributes(labels),
                    **({"as_int": int(number)} if number.is_integer() else {"as_double": number}),
                )
                for labels, number in piece
            ]
            metric = Metric(name=name, unit=unit, description=family.help)
            if family.kind == "counter":
                metric.sum.CopyFrom(Sum(data_points=points, aggregation_temporality=CUMULATIVE, is_monotonic=True))
            else:
                metric.gauge.CopyFrom(Gauge(data_points=points))
            yield metric

    def _histograms(
        self, family: Family, shown: tuple[str, str, str], now: int, *, modelled: bool = False
    ) -> Iterator[Metric]:
        name, unit, description = shown
        series = [
            (labels, one) for labels, one in family.histograms.items() if not modelled or dict(labels).get("provider")
        ]
        for piece in _pieces(series):
            points = [
                self._point(self._modelled(labels) if modelled else self._attributes(labels), buckets, now)
                for labels, buckets in piece
            ]
            histogram = OtlpHistogram(data_points=points, aggregation_temporality=CUMULATIVE)
            yield Metric(name=name, unit=unit, description=description, histogram=histogram)

    def _point(self, attributes: list[KeyValue], buckets: Buckets, now: int) -> HistogramDataPoint:
        return HistogramDataPoint(
            start_time_unix_nano=self._began,
            time_unix_nano=now,
            attributes=attributes,
            count=sum(buckets.counts),
            sum=buckets.sum,
            bucket_counts=buckets.counts,
            explicit_bounds=buckets.bounds,
        )

    def _attributes(self, labels: Labels) -> list[KeyValue]:
        return attributes({self._label(label): _typed(label, text) for label, text in labels})

    def _modelled(self, labels: Labels) -> list[KeyValue]:
        """The attributes that the conventions want where a provider was asked."""
        names, known = self._names, dict(labels)
        name, outcome = known.pop("provider"), known.pop("outcome", "ok")
        provider = self._providers.get(name, Provider(name))
        given: dict[str | None, Value | None] = {
            names["operation"]: COUNTED_OPERATION,
            names["provider"]: names.provider(provider.kind, name),
            names["server_address"]: provider.host,
            names["server_port"]: provider.port,
            # The counters do not tell errors apart here; this is the conventions' word for any.
            names["error_type"]: "_OTHER" if outcome != "ok" else None,
            "tollway.provider": name,
        }
        return attributes(given | {self._label(label): text for label, text in known.items()})

    def _label(self, label: str) -> str | None:
        return self._names[LABELS[label]] if label in LABELS else f"tollway.{label}"


def count(metric: Metric) -> int:
    """How many data points it has."""
    return len(metric.sum.data_points) + len(metric.gauge.data_points) + len(metric.histogram.data_points)


def _pieces(series: list[tuple[Labels, _Series]]) -> Iterator[list[tuple[Labels, _Series]]]:
    return (series[at : at + MOST_POINTS] for at in range(0, len(series), MOST_POINTS))


def _named(family: str) -> tuple[str, str]:
    """The metric's name and unit (UCUM): OTLP has the unit, and whether a number only grows, beside the name."""
    bare = family.removeprefix("tollway_").removesuffix("_total")
    unit = next((unit for suffix, unit in _UNITS.items() if f"_{bare}".endswith(suffix)), "1")
    if unit in ("s", "By"):
        bare = bare.rpartition("_")[0]
    return f"tollway.{bare}", unit


def _typed(label: str, text: str) -> str | int:
    return int(text) if label == "status" and text.isdecimal() else text
