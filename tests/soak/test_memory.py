"""Memory, descriptors and threads stay what they are, however many requests and streams there were."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator

import pytest

from tests.soak.conftest import Measured
from tests.soak.load import Load, held, kinds, upstream
from tests.support.gateway import chat_body
from tests.support.waiting import eventually
from tests.support.wire import request

MIB = 1 << 20

EACH = 64 * 1024
"""Bytes that an idle stream may take, with its two connections: more would be a buffer that somebody forgot."""

SPARE_FILES = 200
"""Open files besides those of the streams."""


async def at_rest(measured: Measured) -> None:
    """Wait until nothing runs and nobody is connected."""
    await asyncio.to_thread(measured.gateway.settled)


async def growth_of_requests(measured: Measured, first: int, then: int) -> dict[str, int]:
    """How much more there is after `then` further requests than after the `first` ones."""
    async with upstream(measured.upstream_port):
        await Load(kinds(measured.gateway), first).run(measured.gateway.address)
        await at_rest(measured)
        before = measured.memory(), measured.descriptors(), measured.threads()
        await Load(kinds(measured.gateway), then).run(measured.gateway.address)
        await at_rest(measured)
        assert measured.requests() >= first + then
        after = measured.memory(), measured.descriptors(), measured.threads()
    return {
        name: now - earlier
        for name, earlier, now in zip(("memory", "descriptors", "threads"), before, after, strict=True)
    }


def flat(growth: dict[str, int], memory: int) -> None:
    """Check that there is no more of anything. The pools of idle connections to the upstream may differ a little."""
    print(f"growth: {growth['memory'] / 1024:.0f} KiB, {growth}")  # noqa: T201 - a figure to report
    assert growth["memory"] <= memory
    assert growth["descriptors"] <= 64
    assert growth["threads"] <= 0


async def test_twenty_thousand_requests(measured: Measured) -> None:
    # The first 60,000 fill what is filled once: the outbox's batches, SQLite's pages, the latest records.
    flat(await growth_of_requests(measured, 60_000, 20_000), 3 * MIB)


@pytest.mark.soak
@pytest.mark.timeout(3000)
async def test_a_million_requests(measured: Measured) -> None:
    flat(await growth_of_requests(measured, 100_000, 900_000), 5 * MIB)


def given_back(measured: Measured, most: int) -> None:
    """Wait until the gateway has no more than `most` bytes: it looks for what it can give back every ten seconds."""
    eventually(lambda: measured.memory() <= most, f"no more than {most} bytes are left", 30)


async def streams_come_and_go(measured: Measured, route: str, count: int, rounds: int) -> None:
    """Hold `count` streams again and again: they take the same each time, and what they took is given back.

    A little may be left: pages of which something still in use has a part.
    """
    sent = request(chat_body(route, stream=True), key=measured.gateway.key)
    taken: list[int] = []
    async with upstream(measured.upstream_port):
        await Load(kinds(measured.gateway), 500).run(measured.gateway.address)
        # The first caller to leave has its tokens counted here: the vocabulary is loaded then, once.
        async with held(measured.gateway.address, sent, 1):
            pass
        await at_rest(measured)
        base = measured.memory()
        for _ in range(rounds):
            async with held(measured.gateway.address, sent, count):
                health = await asyncio.to_thread(measured.gateway.health)
                assert (health["in_flight"], health["connections"]) == (count, count)
                taken.append(measured.memory() - base)
            await at_rest(measured)
            await asyncio.to_thread(given_back, measured, base + max(taken[0] // 4, 4 * MIB))
    left = measured.memory() - base
    print(f"{route}: {[one // count for one in taken]} bytes a stream, left {left}")  # noqa: T201 - a figure to report
    assert taken[0] <= count * EACH
    assert taken[-1] <= taken[0] * 1.1


async def test_five_hundred_idle_streams(measured: Measured) -> None:
    await streams_come_and_go(measured, "held", 500, 3)


@pytest.fixture
def streams(route: str) -> Iterator[int]:
    """Ten thousand, or as many as this process, and the gateway that it starts, may have open files for."""
    files = 1 if route == "slow" else 2
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(10_000, (hard - SPARE_FILES) // files)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, count * files + SPARE_FILES)), hard))
    yield count
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("route", ["slow", "held"])
async def test_ten_thousand_idle_streams(streams: int, measured: Measured, route: str) -> None:
    await streams_come_and_go(measured, route, streams, 8)
