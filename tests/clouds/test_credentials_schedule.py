"""When credentials are fetched anew: by an injected clock, in no time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping

import pytest

from tollway.admin.control import TIMEOUT, Unavailable
from tollway.credentials.refresh import Keeper
from tollway.credentials.schedule import LONGEST, LONGEST_WAIT, SHORTEST, STEADY, Schedule
from tollway.credentials.settings import Settings, Source
from tollway.credentials.value import FetchError, Value

TURN = asyncio.sleep


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_a_share_of_what_is_left(chance: float) -> None:
    schedule = Schedule(lambda: chance)
    assert schedule.succeeded(1000, 1000 + 1000) == pytest.approx(600 + 200 * chance)
    assert schedule.succeeded(1000, 1001) == SHORTEST
    assert schedule.succeeded(1000, 900) == SHORTEST
    assert schedule.succeeded(0, 86_400) == LONGEST
    assert STEADY * 0.6 <= schedule.succeeded(0, None) <= STEADY


def test_what_is_handed_out_again_is_asked_for_more_often() -> None:
    """An issuer that keeps what it has until it ends is asked a few times, not in a loop, and in time."""
    schedule, now, times = Schedule(lambda: 0.5), 0.0, 0
    while now < 3600 - 60:
        now += schedule.succeeded(now, 3600)
        times += 1
    assert now < 3600
    assert times <= 5


def test_failures_back_off_and_a_success_ends_that() -> None:
    schedule = Schedule(lambda: 1.0)
    assert [schedule.failed() for _ in range(8)] == [1, 2, 4, 8, 16, 32, LONGEST_WAIT, LONGEST_WAIT]
    schedule.succeeded(0, 100)
    assert schedule.failed() == 1
    assert Schedule(lambda: 0.0).failed() == 0.5


class Desk:
    """Takes what the data plane would; the first `away` calls find nobody."""

    def __init__(self, away: int = 0) -> None:
        self.told: list[Mapping[str, object]] = []
        self._away = away

    async def call(
        self,
        name: str,
        given: Mapping[str, object] | None = None,
        *,
        actor: str | None = None,
        timeout: float = TIMEOUT,  # noqa: ASYNC109
    ) -> object:
        del actor, timeout
        assert name == "credential"
        assert given is not None
        if self._away:
            self._away -= 1
            raise Unavailable("gone")
        self.told.append(given)
        return {}


class Time:
    """A clock that goes on by what is slept."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 1_000_000.0
        patch.setattr("tollway.credentials.refresh.asyncio.sleep", self._sleep)

    def __call__(self) -> float:
        return self.now

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        await TURN(0)


def source(name: str = "s") -> Source:
    return Source(name, "oauth", ("p",), {})


async def until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not look():
            await TURN(0)


async def test_each_is_fetched_ahead_of_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, desk, numbers = Time(monkeypatch), Desk(), itertools.count()
    fetched: list[float] = []

    def get(_: Source) -> Value:
        fetched.append(clock.now)
        return Value(clock.now + 3600, bearer=f"t{next(numbers)}")

    keeper = Keeper(desk, clock=clock, get=get)
    await keeper.apply(Settings({}, (source(),)))
    await until(lambda: len(desk.told) >= 4)
    await keeper.end()
    gaps = [later - sooner for sooner, later in itertools.pairwise(fetched)]
    assert all(3600 * 0.6 <= gap <= 3600 * 0.8 + 1 for gap in gaps), gaps
    assert [told["bearer"] for told in desk.told[:4]] == ["t0", "t1", "t2", "t3"]
    assert desk.told[0]["expires"] == 1_003_600_000


async def test_an_outage_is_told_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, desk, numbers = Time(monkeypatch), Desk(), itertools.count()

    def get(_: Source) -> Value:
        if 1 <= next(numbers) <= 3:
            raise FetchError("the issuer is away", "wait")
        return Value(clock.now + 3600, bearer="t")

    keeper = Keeper(desk, clock=clock, get=get)
    await keeper.apply(Settings({}, (source(),)))
    await until(lambda: len(desk.told) >= 5)
    await keeper.end()
    error = {"source": "s", "error": "the issuer is away: wait"}
    assert desk.told[1:4] == [error, error, error]
    assert "bearer" in desk.told[0]
    assert "bearer" in desk.told[4]
    assert clock.now < 1_000_000 + 2 * 3600, "the old one had not expired"


async def test_what_has_expired_already_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, desk = Time(monkeypatch), Desk()
    keeper = Keeper(desk, clock=clock, get=lambda _: Value(clock.now - 1, bearer="t"))
    await keeper.apply(Settings({}, (source(),)))
    await until(lambda: bool(desk.told))
    await keeper.end()
    assert "expired already: check this machine's clock" in str(desk.told[0]["error"])


async def test_a_busy_data_plane_is_told_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, desk = Time(monkeypatch), Desk(away=5)
    keeper = Keeper(desk, clock=clock, get=lambda _: Value(None, bearer="t"))
    await keeper.apply(Settings({}, (source(),)))
    await until(lambda: bool(desk.told))
    await keeper.end()
    assert desk.told[0] == {"source": "s", "expires": None, "bearer": "t"}


async def test_settings_that_stay_are_not_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, desk = Time(monkeypatch), Desk()
    asked: list[str] = []

    def get(one: Source) -> Value:
        asked.append(one.id)
        return Value(clock.now + 1e9, bearer="t")

    monkeypatch.setattr("tollway.credentials.refresh.asyncio.sleep", lambda _: asyncio.Event().wait())
    keeper = Keeper(desk, clock=clock, get=get)
    await keeper.apply(Settings({}, (source("a"), source("b"))))
    await until(lambda: len(desk.told) == 2)
    changed = Source("b", "oauth", ("p",), {"client_secret": "new"})
    await keeper.apply(Settings({}, (source("a"), changed, source("c"))))
    await until(lambda: len(desk.told) == 4)
    await keeper.apply(None)
    await keeper.end()
    assert sorted(asked) == ["a", "b", "b", "c"]
