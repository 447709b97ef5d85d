"""No record is lost: at 20,000 requests a second for a minute, and while the store is away for ten.

The load comes from `tollway-load` (benches/load), against the mock upstream beside it.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.records.looking import requests_counted, shipped
from tests.support.gateway import KEY, RunningGateway, minimal
from tests.support.postgres import Postgres
from tests.support.waiting import eventually

RELEASE = Path(__file__).resolve().parents[2] / "target/release"
MIB = 1 << 20

MEMORY = 64 * MIB
"""What the gateway may take more under load, whatever the store does: buffers and batches, never a backlog."""

CONNECTIONS = 256
"""Most connections of the load: each takes memory of its own, and in a stall an open loop would open thousands."""


@contextmanager
def mock_upstream() -> Iterator[str]:
    """The upstream that answers as fast as it can; its URL."""
    program = RELEASE / "tollway-mock-upstream"
    assert program.exists(), "build it first: cargo build --release -p tollway-bench-load (make soak does)"
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith("listening on "))
        yield f"http://127.0.0.1:{line.rpartition(':')[2].strip()}"
        assert process.stdin is not None
        process.stdin.close()


@contextmanager
def load(gateway: RunningGateway, rate: int, seconds: int) -> Iterator[list[dict[str, Any]]]:
    """Requests at `rate` in the background; at the end, its report is in the list."""
    url = f"{gateway.url}/v1/chat/completions"
    options = [f"--url={url}", f"--key={KEY}", "--model=m", f"--rate={rate}", f"--duration={seconds}s", "--warm-up=0s"]
    options.append(f"--connections={CONNECTIONS}")
    reports: list[dict[str, Any]] = []
    with subprocess.Popen([RELEASE / "tollway-load", "open", *options], stdout=subprocess.PIPE, text=True) as process:
        yield reports
        output, _ = process.communicate(timeout=seconds + 120)
        reports += [json.loads(line) for line in output.splitlines()]


def journal(gateway: RunningGateway) -> dict[str, Any]:
    """How the journal is."""
    state: dict[str, Any] = gateway.health()["journal"]
    return state


def answered(gateway: RunningGateway) -> int:
    """How many requests the gateway has ended with 200: each of them was answered wholly."""
    page = httpx.get(f"{gateway.admin_url}/metrics", trust_env=False).text
    counts = [
        line for line in page.splitlines() if line.startswith("tollway_requests_total{") and 'status="200"' in line
    ]
    return sum(int(line.rpartition(" ")[2]) for line in counts)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_twenty_thousand_a_second_for_a_minute(tmp_path: Path) -> None:
    with mock_upstream() as upstream, RunningGateway(minimal(upstream), tmp_path) as gateway:
        before = gateway.rss()
        began = time.monotonic()
        with load(gateway, 20_000, 60) as reports:
            pass
        took = time.monotonic() - began
        shipped(gateway)
        drained = time.monotonic() - began - took
        told = reports[-1]
        served = answered(gateway)
        grown = gateway.rss() - before
        # Figures to report.
        print(  # noqa: T201
            f"answered {served} in {took:.1f} s, shipped {drained:.1f} s later, {grown / MIB:.0f} MiB more; "
            f"{told['errors']}"
        )
        assert not told["errors"]
        assert served >= told["requests"] > 0
        assert requests_counted(gateway) == served
        assert journal(gateway)["dropped"] == 0
        assert grown < MEMORY


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_store_that_is_away_for_ten_minutes(tmp_path: Path) -> None:
    with (
        Postgres() as postgres,
        mock_upstream() as upstream,
        RunningGateway(minimal(upstream, store={"url": postgres.url}), tmp_path) as gateway,
    ):
        assert gateway.chat().status == 200
        shipped(gateway)
        before = gateway.rss()
        postgres.stop()
        with load(gateway, 1_000, 600) as reports:
            pass
        assert not reports[-1]["errors"], "no request fails"
        assert gateway.rss() - before < MEMORY
        waiting = journal(gateway)["bytes"]
        postgres.start()
        began = time.monotonic()
        eventually(lambda: gateway.health()["store"]["state"] == "ok", "the store is back", 60)
        shipped(gateway)
        drained = time.monotonic() - began
        print(f"{waiting / MIB:.0f} MiB waited, shipped within {drained:.1f} s")  # noqa: T201
        # As many as a Poisson process starts in that time.
        assert requests_counted(gateway) == answered(gateway) >= reports[-1]["requests"] > 590_000
