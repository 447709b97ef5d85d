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


async def streams_come_and_go(measured: Measured, model: str, count: int) -> tuple[int, int, int]:
    """Hold `count` streams three times: bytes for each, and what is left after the first and after the last time."""
    sent = request(chat_body(model, stream=True), key=measured.gateway.key)
    async with upstream(measured.upstream_port):
        await Load(kinds(measured.gateway), 500).run(measured.gateway.address)
        await at_rest(measured)
        base, left, peaks = measured.memory(), [], []
        for _ in range(3):
            async with held(measured.gateway.address, sent, count):
                health = await asyncio.to_thread(measured.gateway.health)
                assert (health["in_flight"], health["connections"]) == (count, count)
                peaks.append(measured.memory())
            await at_rest(measured)
            left.append(measured.memory())
    print(f"{model}: {(peaks[0] - base) // count} bytes a stream; left over {[one - base for one in left]}")  # noqa: T201
    return (peaks[0] - base) // count, left[0] - base, left[-1] - base


@pytest.mark.parametrize("model", ["held", "still"])
async def test_five_hundred_idle_streams(measured: Measured, model: str) -> None:
    each, first, last = await streams_come_and_go(measured, model, 500)
    assert each <= 40 * 1024
    assert last - first <= 1 * MIB


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Let this process, and the gateway that it starts, have as many descriptors as ten thousand streams need."""
    wanted = 32_768
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (ValueError, PermissionError):
        pytest.skip(f"only {hard} open files are allowed here; ten thousand streams need {wanted}")
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, max(hard, wanted)))


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("many_descriptors")
@pytest.mark.parametrize("model", ["held", "still"])
async def test_ten_thousand_idle_streams(measured: Measured, model: str) -> None:
    each, first, last = await streams_come_and_go(measured, model, 10_000)
    assert each <= 40 * 1024
    assert last - first <= 2 * MIB
    # What is freed is given back, to the allocator or to the system: it does not stay with streams that are gone.
    assert last <= 10_000 * each // 2
