"""The parts of an export alone: against the data plane's sources, the schema, and the bounds that they promise."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path
from typing import get_args

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tollway.admin.otlp.backlog import MOST_SPANS, Backlog
from tollway.admin.otlp.metrics import MOST_POINTS, Metrics, count
from tollway.admin.otlp.names import ENDPOINTS, VERSIONS, Names
from tollway.admin.otlp.page import families
from tollway.admin.otlp.sender import LONGEST_WAIT, retry_after
from tollway.admin.otlp.settings import Provider
from tollway.admin.otlp.spans import sampled, span_of_send
from tollway.config.schema_telemetry import Telemetry, Version

RUST = Path(__file__).parents[2] / "rust" / "dataplane" / "src"


def test_spans_of_sends_are_those_of_the_data_plane() -> None:
    # The value that the test in trace.rs expects of a request whose span is 7.
    expected = re.search(r"4736-([0-9a-f]{16})-01\"\)\)\);", (RUST / "trace.rs").read_text())
    assert expected is not None
    assert f"{span_of_send(7, 1):016x}" == expected[1]
    assert span_of_send((1 << 64) - 0x9E37_79B9_7F4A_7C15, 1) == 1


def test_every_endpoint_has_its_words() -> None:
    files = [(RUST / "accept" / f"{name}.rs").read_text() for name in ("endpoint", "media", "through")]
    places = [file.partition("fn name(")[2].partition("    }\n    }\n")[0] for file in files]
    named = {name for place in places for name in re.findall(r'Self::[^"=]+ => "([^"]+)"', place)}
    assert {"chat/completions", "embedContent", "audio/speech", "passthrough"} <= named
    assert named <= set(ENDPOINTS)


def test_the_versions_are_those_of_the_schema() -> None:
    assert get_args(Version) == VERSIONS
    assert Telemetry().semconv == VERSIONS[0]


def test_providers_have_well_known_names() -> None:
    newer, older = Names("1.41"), Names("1.36")
    assert (newer.provider("openai", "mine"), older.provider("openai", "mine")) == ("openai", "openai")
    assert (newer.provider("xai", "x"), older.provider("xai", "x")) == ("x_ai", "xai")
    assert newer.provider("openai-compatible", "vllm") == "vllm"
    with pytest.raises(ValueError, match="tuple"):
        Names("9")


@pytest.mark.parametrize(("share", "low", "high"), [(1.0, True, True), (0.5, True, False), (0.0, False, False)])
def test_a_share_is_decided_by_the_lower_half_of_the_id(share: float, low: bool, high: bool) -> None:
    assert sampled({"trace_id": "f" * 16 + "7" + "f" * 15}, share) is low
    assert sampled({"trace_id": "0" * 16 + "8" + "0" * 15}, share) is high
    assert sampled({"trace_id": None, "id": "req_" + "f" * 31 + "f"}, share) is high


@pytest.mark.parametrize(("flags", "kept"), [(None, True), (0, False), (1, True), (2, False), (3, True)])
def test_the_callers_flag_is_believed(flags: int | None, kept: bool) -> None:
    assert sampled({"trace_id": "0" * 31 + "1", "trace_flags": flags}, 1.0) is kept


def test_the_page_is_read_as_it_is_meant() -> None:
    page = (
        "# HELP a_total What \\ it is.\n# TYPE a_total counter\n"
        'a_total{route="a\\"b\\\\c\\nd",status="200"} 3\n'
        "# HELP h_seconds H.\n# TYPE h_seconds histogram\n"
        'h_seconds_bucket{provider="p",le="0.5"} 1\nh_seconds_bucket{provider="p",le="+Inf"} 3\n'
        'h_seconds_sum{provider="p"} 1.5\nh_seconds_count{provider="p"} 3\n'
        "# HELP e E.\n# TYPE e gauge\nnot of the format\n"
    )
    counter, histogram, empty = families(page)
    assert counter.values == {(("route", 'a"b\\c\nd'), ("status", "200")): 3.0}
    [(labels, buckets)] = histogram.histograms.items()
    assert (labels, buckets.bounds, buckets.counts, buckets.sum) == ((("provider", "p"),), [0.5], [1, 2], 1.5)
    assert (empty.values, empty.help) == ({}, "E.")


def test_many_points_go_in_parts() -> None:
    lines = "".join(f'a_total{{route="{number}"}} {number}\n' for number in range(2 * MOST_POINTS + 5))
    found = families(f"# TYPE a_total counter\n{lines}# TYPE b gauge\nb 0.5\n")
    parts = list(Metrics(Names("1.41"), {}, 1).of(found, 2))
    assert [sum(count(metric) for metric in part) for part in parts] == [MOST_POINTS, MOST_POINTS, 6]
    assert sum(point.as_int for part in parts for metric in part for point in metric.sum.data_points) == sum(
        range(2 * MOST_POINTS + 5)
    )


def test_the_oldest_spans_give_way(tmp_path: Path) -> None:
    backlog = Backlog(tmp_path / "exported")
    backlog.resume()
    assert backlog.next == 0
    lost = sum(backlog.add(number, [Span(), Span()]) for number in range(MOST_SPANS))
    assert (lost, backlog.spans) == (MOST_SPANS, MOST_SPANS)
    backlog.next = MOST_SPANS
    assert len(backlog.take(100)) == 100
    assert backlog.spans == MOST_SPANS, "what is being sent waits too"
    backlog.put_back()
    assert len(backlog.take(11)) == 12, "those of a record go together"
    backlog.done()
    assert int((tmp_path / "exported").read_text()) == MOST_SPANS // 2 + 6
    again = Backlog(tmp_path / "exported")
    again.resume()
    assert again.next == MOST_SPANS // 2 + 6
    assert backlog.clear() == MOST_SPANS - 12
    assert not (tmp_path / "exported").exists()


@pytest.mark.parametrize(
    ("text", "wait"),
    [(None, None), ("", None), ("soon", None), ("nan", None), ("3", 3.0), ("-1", 0.0), ("1e9", LONGEST_WAIT)],
)
def test_retry_after(text: str | None, wait: float | None) -> None:
    assert retry_after(text) == wait


def test_retry_after_as_a_date() -> None:
    found = retry_after(formatdate(time.time() + 100, usegmt=True))
    assert found is not None
    assert 0 < found <= 100
    assert retry_after(formatdate(0, usegmt=True)) == 0.0


def test_without_it_nothing_of_it_is_imported() -> None:
    program = "import sys, tollway.admin.__main__; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in loaded if name.startswith(("google", "opentelemetry"))] == []


def test_a_provider_that_is_not_known_any_more_has_its_name() -> None:
    assert Names("1.41").provider(Provider("gone").kind, "gone") == "gone"
