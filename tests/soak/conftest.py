"""A gateway that is measured, in front of an upstream in the test's own event loop."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.gateway import RunningGateway, minimal


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the load is made for."""
    return "asyncio"


@dataclass(frozen=True)
class Measured:
    """A gateway, and the port at which its upstream has to be."""

    gateway: RunningGateway
    upstream_port: int

    def memory(self) -> int:
        """Bytes of memory that the gateway's process has for itself: its proportional set size."""
        rollup = Path(f"/proc/{self.gateway.pid}/smaps_rollup").read_text(encoding="ascii")
        found = re.search(r"^Pss:\s+(\d+) kB$", rollup, re.MULTILINE)
        assert found is not None, rollup
        return int(found[1]) * 1024

    def requests(self) -> int:
        """How many requests it has counted."""
        page = httpx.get(f"{self.gateway.admin_url}/metrics", trust_env=False).text
        return sum(int(count) for count in re.findall(r"^tollway_requests_total\{.*\} (\d+)$", page, re.MULTILINE))

    def threads(self) -> int:
        """How many threads it has."""
        return len(list(Path(f"/proc/{self.gateway.pid}/task").iterdir()))

    def descriptors(self) -> int:
        """How many descriptors it has open."""
        return len(list(Path(f"/proc/{self.gateway.pid}/fd").iterdir()))


@pytest.fixture
def measured(tmp_path: Path) -> Iterator[Measured]:
    """Started for one test."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    target = {"provider": "up", "model": "up-model", "max_retries": 0}
    guard = {"type": "pii", "on": "both", "action": "mask", "restore": True, "on_failure": "closed"}
    text = minimal(
        f"http://127.0.0.1:{port}",
        providers={"mock": {"type": "mock"}, "slow": {"type": "mock", "chunks": 30, "chunk_gap": "5s"}},
        routes={
            "mock": {"provider": "mock", "model": "mock-model"},
            "guarded": {**target, "guardrails": [guard]},
            "slow": {"provider": "slow", "model": "mock-model"},
            "broken": {**target, "model": "broken-model"},
            "held": {**target, "model": "held-model", "idle": "1h", "timeout": "2h"},
        },
    )
    with RunningGateway(text, tmp_path) as gateway:
        yield Measured(gateway, port)
