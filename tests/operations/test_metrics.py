"""`/metrics`: the names and labels of the contract, and labels from the configuration alone."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import StartGateway
from tests.support.gateway import RunningGateway, chat_body, minimal
from tests.support.reply import End, Gate, error, raw, stream
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually
from tests.support.wire import request

SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? ([0-9.e+-]+|NaN|[+-]Inf)')
LABEL = re.compile(r'([a-z]+)="((?:[^"\\\n]|\\["\\n])*)"')

TARGET = {"route", "provider", "model"}
FAMILIES = {
    "tollway_requests_total": ("counter", TARGET | {"status"}),
    "tollway_attempts_total": ("counter", TARGET | {"class"}),
    "tollway_tokens_total": ("counter", TARGET | {"type"}),
    "tollway_cost_usd_total": ("counter", TARGET),
    "tollway_request_duration_seconds": ("histogram", TARGET),
    "tollway_time_to_first_token_seconds": ("histogram", TARGET),
    "tollway_overhead_seconds": ("histogram", TARGET),
    "tollway_operation_duration_seconds": ("histogram", TARGET | {"outcome"}),
    "tollway_request_tokens": ("histogram", TARGET | {"type"}),
    "tollway_in_flight": ("gauge", set()),
    "tollway_target_state": ("gauge", TARGET),
    "tollway_alerts_firing": ("gauge", {"kind"}),
    "tollway_jobs": ("gauge", {"state"}),
    "tollway_journal_bytes": ("gauge", set()),
    "tollway_journal_unshipped_bytes": ("gauge", set()),
    "tollway_journal_held": ("gauge", set()),
    "tollway_journal_dropped_total": ("counter", set()),
    "tollway_journal_refused_total": ("counter", set()),
    "tollway_journal_shipped_total": ("counter", set()),
    "tollway_journal_unknown_total": ("counter", set()),
    "tollway_journal_quarantined_total": ("counter", set()),
    "tollway_journal_torn_total": ("counter", set()),
    "tollway_tail_records": ("gauge", set()),
    "tollway_tail_missed_total": ("counter", set()),
    "tollway_store_up": ("gauge", set()),
    "tollway_hooks_sync": ("gauge", set()),
    "tollway_hooks_async": ("gauge", set()),
    "tollway_hooks_refused_total": ("counter", set()),
    "tollway_hooks_failed_total": ("counter", set()),
    "tollway_adapters": ("gauge", set()),
    "tollway_adapters_failed_total": ("counter", set()),
    "tollway_connections": ("gauge", set()),
    "tollway_credentials_missing": ("gauge", set()),
}

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(gateway: RunningGateway) -> str:
    """The page, as Prometheus gets it."""
    seen = httpx.get(f"{gateway.admin_url}/metrics", trust_env=False)
    assert seen.status_code == 200
    assert seen.headers["content-type"].startswith("text/plain; version=0.0.4")
    return seen.text


def series(page: str) -> Series:
    """Every sample by its name and labels; each line must be one that Prometheus reads."""
    found: Series = {}
    for line in page.splitlines():
        if line.startswith("#"):
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        labels = frozenset((name, value) for name, value in LABEL.findall(match[2] or ""))
        assert (match[1], labels) not in found, f"twice: {line}"
        found[match[1], labels] = float(match[3])
    return found


def count(found: Series, name: str, **labels: str) -> float:
    """The sum of the samples of a name that have these labels."""
    wanted = set(labels.items())
    return sum(value for (sample, has), value in found.items() if sample == name and wanted <= has)


@pytest.fixture
def gateway(start_gateway: StartGateway, upstream: ScriptedUpstream) -> Iterator[RunningGateway]:
    """A gateway of the test's own, since it counts."""
    prices = {"mock-model": {"input_per_mtok": 1, "output_per_mtok": 2}}
    provider = {"type": "mock", "chunks": 3, "prices": prices}
    routes = {"mock": {"provider": "mock", "model": "mock-model"}, 'q"\\uote': {"provider": "mock", "model": "x"}}
    gateway = start_gateway(minimal(upstream.url, providers={"mock": provider}, routes=routes))
    yield gateway
    gateway.settled()


def everything(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    """One request of every kind."""
    upstream.script(
        stream(), error(400), error(401), error(429), error(500), raw(End.CLOSE), raw(b"garbage\r\n\r\n", End.CLOSE)
    )
    gateway.chat(chat_body(stream=True))
    for _ in range(6):
        gateway.chat()
    gateway.chat(chat_body("mock"))
    gateway.chat(chat_body('q"\\uote', stream=True))
    gateway.chat(chat_body("none-such"))
    gateway.chat(b"{")
    gateway.chat(key=None)
    gateway.chat()


def test_families_and_labels_are_those_of_the_contract(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    everything(gateway, upstream)
    page = scrape(gateway)
    for name, (kind, labels) in FAMILIES.items():
        assert f"# TYPE {name} {kind}" in page
        samples = {
            (sample, frozenset(label for label, _ in has) - {"le"})
            for sample, has in series(page)
            if re.fullmatch(rf"{name}(_bucket|_sum|_count)?", sample)
        }
        assert samples, f"{name} has no sample"
        assert {has for _, has in samples} == {frozenset(labels)}, name
    known = {re.sub(r"_(bucket|sum|count)$", "", sample) for sample, _ in series(page)}
    assert known == set(FAMILIES)


def test_each_request_is_counted_once(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    everything(gateway, upstream)
    gateway.settled()
    found = series(scrape(gateway))
    by_status = {
        status: count(found, "tollway_requests_total", route="m", status=status)
        for status in ("200", "400", "429", "502")
    }
    assert by_status == {"200": 2, "400": 1, "429": 1, "502": 4}
    assert count(found, "tollway_requests_total", route="mock", provider="mock", model="mock-model", status="200") == 1
    assert count(found, "tollway_requests_total") == 13
    assert count(found, "tollway_requests_total", status="404") == 1
    assert count(found, "tollway_requests_total", status="401") == 1
    assert count(found, "tollway_request_duration_seconds_count") == 13
    assert count(found, "tollway_attempts_total") == 10
    assert count(found, "tollway_attempts_total", route="m", **{"class": "ok"}) == 2
    assert count(found, "tollway_tokens_total", route="m", type="input") == 2 * 9
    assert count(found, "tollway_tokens_total", route="m", type="output") == 2 * 5
    assert count(found, "tollway_time_to_first_token_seconds_count") == 2
    assert count(found, "tollway_operation_duration_seconds_count") == 10
    served = count(found, "tollway_attempts_total", **{"class": "ok"})
    assert count(found, "tollway_operation_duration_seconds_count", outcome="ok") == served
    assert count(found, "tollway_request_tokens_count", route="m", type="input") == 2
    assert count(found, "tollway_request_tokens_sum", route="m", type="output") == 2 * 5


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"no http\r\n\r\n", "400"),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 100_000, "431"),
    ],
)
def test_a_head_that_is_refused_is_counted(gateway: RunningGateway, sent: bytes, status: str) -> None:
    with gateway.connect() as wire:
        wire.send(sent)
        assert wire.answer().status == int(status)
    found = series(scrape(gateway))
    assert count(found, "tollway_requests_total") == count(found, "tollway_requests_total", status=status) == 1


def test_a_request_that_runs_is_in_flight(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    gate = Gate()
    upstream.script(raw(gate))
    with gateway.connect() as wire:
        wire.send(request(chat_body(), key=gateway.key))
        gate.arrived()
        assert count(series(scrape(gateway)), "tollway_in_flight") == 1
    eventually(lambda: count(series(scrape(gateway)), "tollway_in_flight") == 0, "it is given up")
    assert count(series(scrape(gateway)), "tollway_requests_total", route="m", status="499") == 1


def test_callers_cannot_make_series(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    upstream.script(error(418), *[error(500)] * 2)
    everything(gateway, upstream)
    gateway.settled()
    before = set(series(scrape(gateway)))
    chance = random.Random(7)  # noqa: S311 - repeatable, and not for secrets
    with gateway.connect() as wire:
        for turn in range(1000):
            name = "".join(chance.choices(string.ascii_letters + string.digits + "-_./", k=24))
            key = gateway.key if turn % 2 else f"unknown-key-{name}"
            headers = [
                ("x-tollway-tags", name),
                ("x-tollway-agent", name),
                ("user-agent", name),
                ("x-request-id", name),
            ]
            target = "/v1/chat/completions" if turn % 3 else f"/v1/{name}"
            wire.send(request(chat_body(name, user=name, metadata={"a": name}), headers, key=key, target=target))
            assert wire.answer().status in {401, 404}
    gateway.settled()
    after = series(scrape(gateway))
    assert {name for name in set(after) - before if name[0] != "tollway_requests_total"} == set()
    assert len(after) <= len(before) + 2
    assert (
        count(after, "tollway_requests_total", status="404") + count(after, "tollway_requests_total", status="401")
        >= 1000
    )
