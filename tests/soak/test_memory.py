"""Memory, descriptors and threads stay what they are, however many requests and streams there were."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator

import pytest

from tests.soak.conftest import Measured
from tests.soak.load import Load, held, kinds, upstream
from tests.support.gateway import chat_body
from tests.support.wire import request

MIB = 1 << 20

ROUNDS = 8

EACH = 64 * 1024
"""Bytes that an idle stream may take, with its two connections: more would be a buffer that somebody forgot."""


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
    flat(await growth_of_requests(measured, 5_000, 20_000), 2 * MIB)


@pytest.mark.soak
@pytest.mark.timeout(3000)
async def test_a_million_requests(measured: Measured) -> None:
    flat(await growth_of_requests(measured, 100_000, 900_000), 5 * MIB)


async def streams_come_and_go(measured: Measured, route: str, count: int) -> None:
    """Hold `count` streams again and again: what they take, and what is left after them, becomes the same each time.

    Something is left, as freed memory is the allocator's to give back, and glibc's keeps what lies below anything still
    in use: for the first rounds that grows. A leak would add to it with every round.
    """
    sent = request(chat_body(route, stream=True), key=measured.gateway.key)
    async with upstream(measured.upstream_port):
        await Load(kinds(measured.gateway), 500).run(measured.gateway.address)
        await at_rest(measured)
        base, taken, left = measured.memory(), [], []
        for _ in range(ROUNDS):
            async with held(measured.gateway.address, sent, count):
                health = await asyncio.to_thread(measured.gateway.health)
                assert (health["in_flight"], health["connections"]) == (count, count)
                taken.append(measured.memory() - base)
            await at_rest(measured)
            left.append(measured.memory() - base)
    print(f"{route}: {[one // count for one in taken]} bytes a stream, left {left}")  # noqa: T201 - a figure to report
    assert taken[0] <= count * EACH
    settled = ROUNDS // 2
    assert taken[-1] <= taken[settled] * 1.1
    assert left[-1] <= left[settled] + taken[settled] // 10


async def test_five_hundred_idle_streams(measured: Measured) -> None:
    await streams_come_and_go(measured, "held", 500)


@pytest.fixture
def descriptors(route: str) -> Iterator[None]:
    """Let this process, and the gateway that it starts, have as many descriptors as ten thousand streams need."""
    wanted = 12_000 if route == "slow" else 22_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted:
        pytest.skip(f"only {hard} open files are allowed here; ten thousand streams to an upstream need {wanted}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("descriptors")
@pytest.mark.parametrize("route", ["slow", "held"])
async def test_ten_thousand_idle_streams(measured: Measured, route: str) -> None:
    await streams_come_and_go(measured, route, 10_000)
