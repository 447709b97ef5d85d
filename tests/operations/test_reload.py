"""Reload: what runs goes on as it began, what comes sees the new configuration, and a bad file changes nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import StartGateway
from tests.operations.load import Load, serve
from tests.operations.streams import expected, standing
from tests.support.errors import is_error
from tests.support.gateway import RunningGateway, chat_body, minimal
from tests.support.reply import answer
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually

STREAMS = 200


def reconfigured(upstream: ScriptedUpstream) -> str:
    """`m` is another model now, `added` is new, and so is the key."""
    return minimal(
        upstream.url,
        route={"model": "other-model"},
        routes={"added": {"provider": "up", "model": "added-model"}},
        keys={"added": {"secret": "env:TEST_ADDED_KEY", "models": ["added"]}},
    )


def test_sighup_during_two_hundred_streams(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gateway = start_gateway(minimal(upstream.url), TEST_ADDED_KEY="canary-added-virtual-key")
    with standing(gateway, upstream, STREAMS) as streams:
        gateway.reload(reconfigured(upstream))
        assert gateway.health()["in_flight"] == STREAMS
        upstream.script(answer(), answer())
        assert gateway.chat().status == 200
        assert upstream.requests[-1].json()["model"] == "other-model"
        assert gateway.chat(chat_body("added"), key="canary-added-virtual-key").status == 200
        assert upstream.requests[-1].json()["model"] == "added-model"
        is_error(gateway.chat(chat_body("m"), key="canary-added-virtual-key"), 403, "model_not_allowed", "model")
        streams.go_on()
        assert streams.finish() == [expected(number) for number in range(STREAMS)]
        assert {head.status for head in streams.heads()} == {200}
    gateway.settled()


def test_a_stream_outlives_its_route_its_key_and_its_provider(
    start_gateway: StartGateway, upstream: ScriptedUpstream
) -> None:
    gateway = start_gateway(minimal(upstream.url))
    with standing(gateway, upstream, 3) as streams:
        gateway.reload(_without_anything(upstream))
        is_error(gateway.chat(), 401, "invalid_api_key")
        streams.go_on()
        assert streams.finish() == [expected(number) for number in range(3)]


def _without_anything(upstream: ScriptedUpstream) -> str:
    full = minimal(upstream.url)
    return full[: full.index('["providers"]')]


def test_many_reloads_under_load_fail_nothing(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    upstream.otherwise = serve
    texts = [minimal(upstream.url), minimal(upstream.url, route={"model": "other-model"})]
    gateway = start_gateway(texts[0])
    with Load(gateway) as load:
        for turn in range(10):
            gateway.reload(texts[turn % 2])
            load.goes_on(2)


def test_a_change_of_the_file_is_taken_over(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gateway = start_gateway(minimal(upstream.url))
    gateway.write(minimal(upstream.url, route={"model": "other-model"}))
    eventually(lambda: gateway.health()["generation"] == 2, "the change is seen")
    assert gateway.chat().status == 200
    assert upstream.take().json()["model"] == "other-model"


def test_a_change_of_a_file_that_holds_a_secret_is_taken_over(
    start_gateway: StartGateway, upstream: ScriptedUpstream
) -> None:
    gateway = start_gateway(minimal(upstream.url))
    secret = gateway.folder / "rotated.key"
    secret.write_text("canary-provider-key-before\n")
    secret.chmod(0o600)
    gateway.reload(minimal(upstream.url, provider={"api_key": "file:rotated.key"}))
    gateway.chat()
    assert upstream.take().header("authorization") == "Bearer canary-provider-key-before"
    generation = gateway.health()["generation"]
    secret.write_text("canary-provider-key-after\n")
    eventually(lambda: gateway.health()["generation"] > generation, "the change is seen")
    gateway.chat()
    assert upstream.take().header("authorization") == "Bearer canary-provider-key-after"


BAD = [
    pytest.param("[server\n", "tollway.toml:1:8", id="syntax"),
    pytest.param('[routes.m]\nprovidre = "up"\n', "did you mean `provider`", id="unknown-key"),
    pytest.param('[routes.m]\nprovider = "upp"\nmodel = "x"\n', "tollway.toml:2:12", id="unknown-provider"),
    pytest.param('[admin]\ntoken = "env:TEST_UNSET"\n', "TEST_UNSET", id="unset-variable"),
    pytest.param(
        '[providers.p]\ntype = "mock"\n[routes.m]\nprovider = "p"\nmodel = "x"\n'
        'hooks = [{ call = "no_such_module:check" }]\n',
        "no_such_module",
        id="missing-hook",
    ),
    pytest.param('[server]\ndrain = "30 parsecs"\n', "tollway.toml:2:9", id="quantity"),
    pytest.param("\x00\x01", "tollway.toml:1:", id="binary"),
]


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningGateway, ScriptedUpstream, str]]:
    """One gateway for every bad file: each must leave it as it was."""
    with ScriptedUpstream() as upstream:
        text = minimal(upstream.url)
        with RunningGateway(text, tmp_path_factory.mktemp("steady")) as gateway:
            yield gateway, upstream, text


@pytest.mark.parametrize(("bad", "said"), BAD)
def test_a_bad_file_is_refused_and_changes_nothing(
    steady: tuple[RunningGateway, ScriptedUpstream, str], bad: str, said: str
) -> None:
    gateway, _, good = steady
    generation = gateway.health()["generation"]
    refused = gateway.log.count("config.refused")
    gateway.write(bad)
    os.kill(gateway.pid, signal.SIGHUP)
    eventually(lambda: gateway.log.count("config.refused") > refused, "the file is refused")
    assert said.lower() in gateway.log.lower()
    assert gateway.health()["generation"] == generation
    assert gateway.chat().status == 200
    by_api = gateway.admin.post("/admin/v1/reload")
    assert by_api.status_code == 422
    assert by_api.json()["error"]["code"] == "invalid_configuration"
    assert said.lower() in by_api.json()["error"]["message"].lower()
    gateway.reload(good)


def test_a_file_that_is_gone_is_refused(steady: tuple[RunningGateway, ScriptedUpstream, str]) -> None:
    gateway, _, good = steady
    gateway.config.unlink()
    assert gateway.admin.post("/admin/v1/reload").status_code == 422
    assert gateway.chat().status == 200
    gateway.reload(good)


def test_the_admin_token_changes_with_a_reload(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    gateway = start_gateway(minimal(upstream.url), TEST_NEXT_TOKEN="canary-admin-token-2")
    gateway.write(minimal(upstream.url, admin={"token": "env:TEST_NEXT_TOKEN"}))
    assert gateway.admin.post("/admin/v1/reload").status_code == 200

    def status(token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        return httpx.get(f"{gateway.admin_url}/admin/v1/keys", headers=headers, trust_env=False).status_code

    eventually(lambda: status("canary-admin-token-2") == 200, "the new token works")
    assert status(gateway.admin_token) == 401
