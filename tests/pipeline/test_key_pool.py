"""Pools of keys: one that is limited or refused leaves its work to the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipeline.lab import Lab, each, laboratory
from tests.support.errors import is_error
from tests.support.reply import AnyReply, answer, error
from tests.support.upstream import Received

POOLS = ("limited", "later", "dead", "mended", "all-dead", "quota", "weights", "forbidden")


def key(pool: str, number: int) -> str:
    """A key of a pool."""
    return f"canary-{pool}-key-{number}"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started once for this file: each test has a pool of its own."""
    weights = {"weights": (3, 1)}
    providers = {
        pool: {
            "at": "a",
            "api_keys": [
                {"key": key(pool, number), "weight": weights.get(pool, (1, 1))[number - 1]} for number in (1, 2)
            ],
        }
        for pool in POOLS
    }
    routes = {pool: {**each(pool, pool), "max_retries": 2} for pool in POOLS}
    with laboratory(tmp_path_factory.mktemp("pool"), routes, providers) as lab:
        yield lab


def used(lab: Lab) -> list[str]:
    """The keys that were sent, in order."""
    return [(received.header("authorization") or "").removeprefix("Bearer ") for received in lab.a.requests]


def refusing(bad: str, reply: AnyReply) -> object:
    """An upstream that answers the key `bad` so, and all others well."""

    def script(received: Received) -> AnyReply:
        return reply if received.header("authorization") == f"Bearer {bad}" else answer()

    return script


def test_a_limited_key_leaves_the_request_to_another_at_once(lab: Lab) -> None:
    bad, good = key("limited", 1), key("limited", 2)
    lab.a.otherwise = refusing(bad, error(429).with_headers(("retry-after", "60")))  # type: ignore[assignment]
    for _ in range(20):
        assert lab.serves("limited") == "limited"
    assert used(lab).count(bad) == 1
    assert used(lab)[-1] == good
    assert lab.target("limited", "limited")["limited_until_us"] is None


def test_a_limited_key_serves_again(lab: Lab) -> None:
    bad = key("later", 1)
    lab.a.otherwise = refusing(bad, error(429).with_headers(("retry-after-ms", "100")))  # type: ignore[assignment]
    while bad not in used(lab):
        lab.serves("later")
    lab.forget()
    while bad not in used(lab):
        lab.serves("later")


def test_a_refused_key_is_out_with_one_alert(lab: Lab) -> None:
    pool = "dead"
    bad = key(pool, 2)
    lab.a.otherwise = refusing(bad, error(401, f"Incorrect API key provided: {bad}"))  # type: ignore[assignment]
    for _ in range(20):
        assert lab.serves(pool) == pool
    assert used(lab).count(bad) == 1
    alerts = lab.alerts("dead_key")
    assert [alert["subject"] for alert in alerts if alert["subject"].startswith(pool)] == [f"{pool}, key 2"]
    assert bad not in lab.gateway.log


def test_a_reload_brings_a_refused_key_back(lab: Lab) -> None:
    bad = key("mended", 1)
    lab.a.otherwise = refusing(bad, error(401))  # type: ignore[assignment]
    while bad not in used(lab):
        lab.serves("mended")
    lab.forget()
    lab.times(10, "mended")
    assert bad not in used(lab)
    lab.gateway.reload(lab.gateway.config.read_text() + "\n")
    for _ in range(40):
        lab.serves("mended")
    assert bad in used(lab)


def test_where_all_are_refused_they_are_tried_on(lab: Lab) -> None:
    lab.fails(lab.a, reply=error(401))
    for _ in range(3):
        is_error(lab.ask("all-dead"), 502, "upstream_credentials")
    assert set(used(lab)) == {key("all-dead", 1), key("all-dead", 2)}
    lab.forget()
    assert lab.times(4, "all-dead") == ["all-dead"] * 4


def test_a_key_without_quota_rests(lab: Lab) -> None:
    bad = key("quota", 1)
    said = error(429, "You exceeded your current quota.", "insufficient_quota", type="insufficient_quota")
    lab.a.otherwise = refusing(bad, said)  # type: ignore[assignment]
    for _ in range(20):
        lab.serves("quota")
    assert used(lab).count(bad) == 1
    assert [alert["subject"] for alert in lab.alerts("quota_exhausted")] == ["quota, key 1"]


def test_a_key_that_lacks_a_permission_stays(lab: Lab) -> None:
    lab.fails(lab.a, reply=error(403))
    is_error(lab.ask("forbidden"), 502, "upstream_credentials")
    lab.forget()
    for _ in range(30):
        lab.serves("forbidden")
    assert set(used(lab)) == {key("forbidden", 1), key("forbidden", 2)}


def test_keys_are_used_by_their_weights(lab: Lab) -> None:
    for _ in range(60):
        lab.serves("weights")
    # 45 are expected of the first; fewer than 24 are one in 10^9.
    assert 24 < used(lab).count(key("weights", 1)) < 60
