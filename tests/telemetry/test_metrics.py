"""The counters of the data plane as OTLP metrics: the sums are right, and nothing is told that was not counted."""

from __future__ import annotations

import time
from collections.abc import Mapping

import httpx
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, HistogramDataPoint, NumberDataPoint

from tests.support.gateway import RunningGateway, chat_body
from tests.support.otlp import Receiver, Value, given
from tests.support.reply import answer, error, stream
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually
from tests.telemetry.conftest import Start
from tollway.admin.otlp.names import HISTOGRAMS, Names
from tollway.admin.otlp.page import families

CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
TOKENS = [4.0**power for power in range(14)]


def number(receiver: Receiver, name: str, attributes: Mapping[str, Value] | None = None) -> int:
    """The sum of the data points."""
    points = receiver.points(name, attributes)
    assert all(isinstance(point, NumberDataPoint) for point in points)
    return sum(point.as_int for point in points if isinstance(point, NumberDataPoint))


def histogram(receiver: Receiver, name: str, attributes: Mapping[str, Value] | None = None) -> HistogramDataPoint:
    """The only data point."""
    [point] = receiver.points(name, attributes)
    assert isinstance(point, HistogramDataPoint)
    assert sum(point.bucket_counts) == point.count
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    return point


def work(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    """Three requests of `m`, one of them a stream; one of `two` that fails over; one that has no route."""
    upstream.script(answer(), answer(), stream(), error(503), answer())
    bodies = [chat_body(), chat_body(), chat_body(stream=True), chat_body("two")]
    assert [gateway.chat(body).status for body in bodies] == [200] * 4
    assert gateway.chat(chat_body("none-such")).status == 404
    gateway.settled()


def test_the_counters_are_told(start: Start, receiver: Receiver, upstream: ScriptedUpstream) -> None:
    before = time.time_ns()
    gateway = start(traces=0)
    work(gateway, upstream)
    eventually(lambda: number(receiver, "tollway.requests") == 5, "all requests are told")
    assert number(receiver, "tollway.requests", {"tollway.route": "m", "http.response.status_code": 404}) == 0
    assert number(receiver, "tollway.requests", {"tollway.route": "m"}) == 3
    points = receiver.points("tollway.requests", {"tollway.route": "m"})
    assert [given(point.attributes)["http.response.status_code"] for point in points] == [200]
    assert number(receiver, "tollway.tokens", {"tollway.route": "m"}) == 3 * (9 + 5)
    assert number(receiver, "tollway.attempts", {"tollway.class": "overload"}) == 1
    assert number(receiver, "tollway.in_flight") == 0
    for metric in receiver.metrics.values():
        kind = metric.WhichOneof("data")
        if kind == "sum":
            assert (metric.sum.is_monotonic, metric.sum.aggregation_temporality) == (True, CUMULATIVE)
        elif kind == "histogram":
            assert metric.histogram.aggregation_temporality == CUMULATIVE
    for point in receiver.points("tollway.requests"):
        assert before < point.start_time_unix_nano < point.time_unix_nano < time.time_ns()
    assert receiver.spans == []


def test_the_histograms_of_the_conventions(start: Start, receiver: Receiver, upstream: ScriptedUpstream) -> None:
    gateway = start()
    work(gateway, upstream)
    eventually(lambda: number(receiver, "tollway.requests") == 5, "all requests are told")
    page = {family.name: family for family in families(httpx.get(f"{gateway.admin_url}/metrics").text)}
    m = (("route", "m"), ("provider", "up"), ("model", "up-model"))

    requests = histogram(receiver, "gen_ai.server.request.duration", {"tollway.route": "m"})
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "server.address": "127.0.0.1",
        "server.port": upstream.port,
        "tollway.provider": "up",
    }
    assert expected.items() <= given(requests.attributes).items()
    shown = page["tollway_request_duration_seconds"].histograms[m]
    assert (requests.count, requests.sum) == (3, shown.sum)
    assert (list(requests.explicit_bounds), list(requests.bucket_counts)) == (SECONDS, shown.counts)
    assert receiver.metrics["gen_ai.server.request.duration"].unit == "s"
    assert histogram(receiver, "gen_ai.server.time_to_first_token", {"tollway.route": "m"}).count == 1

    usage = {
        kind: histogram(receiver, "gen_ai.client.token.usage", {"tollway.route": "m", "gen_ai.token.type": kind})
        for kind in ("input", "output")
    }
    assert {kind: (point.count, point.sum) for kind, point in usage.items()} == {"input": (3, 27), "output": (3, 15)}
    assert list(usage["input"].explicit_bounds) == TOKENS
    assert usage["input"].bucket_counts[2] == 3  # 9 tokens: more than 4, at most 16

    served = receiver.points("gen_ai.client.operation.duration", {"tollway.route": "two"})
    assert len(served) == 2
    [failed] = [point for point in served if "error.type" in given(point.attributes)]
    assert given(failed.attributes)["gen_ai.request.model"] == "up-model"
    refused = [point for name in HISTOGRAMS.values() for point in receiver.points(Names("1.41")[name.meaning] or "")]
    assert all(given(point.attributes)["tollway.provider"] for point in refused)


def test_whatever_the_page_has_is_told(start: Start, receiver: Receiver, upstream: ScriptedUpstream) -> None:
    gateway = start()
    work(gateway, upstream)
    eventually(lambda: number(receiver, "tollway.requests") == 5, "all requests are told")
    page = families(httpx.get(f"{gateway.admin_url}/metrics").text)
    filled = [family.name for family in page if family.values or family.histograms]
    assert {"tollway_hooks_sync", "tollway_tail_missed_total", "tollway_journal_shipped_total"} <= set(filled)
    told = {name.removeprefix("tollway.") for name in receiver.metrics}
    suffixes = ("_total", "_seconds", "_bytes")
    missing = [
        name
        for name in filled
        if not any(
            name.removeprefix("tollway_").removesuffix(suffix) in told for suffix in (*suffixes, "_seconds_total")
        )
    ]
    assert missing == []


def test_metrics_can_be_left_out(start: Start, receiver: Receiver) -> None:
    gateway = start(metrics=False)
    assert gateway.chat().status == 200
    receiver.traces(1)
    gateway.stop()
    assert receiver.metrics == {}
