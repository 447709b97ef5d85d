"""Route: which routes there are, who may use them, and where a request may go."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.pipeline.conftest import (
    IMPOSSIBLE_KEY,
    LIMITED,
    NARROW_KEY,
    POLICY_KEY,
    TEAM_KEY,
    Road,
)
from tests.support.errors import is_error
from tests.support.gateway import KEY, chat_body
from tests.support.wire import Answer, ask, request

ALL = [
    "brief-first-token",
    "brief-idle",
    "brief-total",
    "fallback",
    "from-nowhere",
    *LIMITED,
    "m",
    "nowhere",
    "org/model:1",
    "retrying",
    "retrying-fallback",
    "timeout-fallback",
]


def get(road: Road, path: str, key: str | None = KEY) -> Answer:
    """A GET on a connection of its own."""
    return ask(road.gateway.address, request(None, key=key, target=path, method="GET"))


@pytest.mark.parametrize(("key", "names"), [(KEY, ALL), (NARROW_KEY, ["m"]), (TEAM_KEY, ["m"])])
def test_models_are_the_routes_that_the_key_may_use(road: Road, key: str, names: list[str]) -> None:
    answer = get(road, "/v1/models", key)
    assert answer.status == 200
    assert answer.header("content-type") == "application/json"
    listed = answer.json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == names
    for model in listed["data"]:
        assert set(model) == {"id", "object", "created", "owned_by"}
        assert (model["object"], type(model["created"]), type(model["owned_by"])) == ("model", int, str)


@pytest.mark.parametrize("name", ["m", "org/model:1"])
@pytest.mark.parametrize("encode", [True, False])
def test_one_model(road: Road, name: str, encode: bool) -> None:
    answer = get(road, f"/v1/models/{quote(name, safe='') if encode else name}")
    assert (answer.status, answer.json()["id"], answer.json()["object"]) == (200, name, "model")


def test_models_need_a_key(road: Road) -> None:
    for path in ("/v1/models", "/v1/models/m", "/v1/models/none"):
        is_error(get(road, path, None), 401, "invalid_api_key")


def test_unknown_models(road: Road) -> None:
    is_error(get(road, "/v1/models/none"), 404, "model_not_found", "model")
    for name in ("none", "", "M", "m ", "up-model", "up/up-model", "../m", "\0", "é" * 50, "__proto__"):
        error = is_error(road.chat(chat_body(name)), 404, "model_not_found", "model")
        assert "/v1/models" in error["message"]
    assert road.upstream.requests == []


def test_a_long_model_name_is_not_repeated_whole(road: Road) -> None:
    error = is_error(road.chat(chat_body("x" * 10_000)), 404, "model_not_found", "model")
    assert len(error["message"]) < 400


def test_a_model_name_cannot_write_into_the_answer(road: Road) -> None:
    name = 'a"b\\c\n\r\t\x7f\u2028</script>'
    error = is_error(road.chat(chat_body(name)), 404, "model_not_found", "model")
    assert "\n" not in error["message"]


def test_routes_that_the_key_may_not_use(road: Road) -> None:
    for key, name in ((NARROW_KEY, "fallback"), (TEAM_KEY, "fallback"), (TEAM_KEY, "retrying")):
        is_error(road.chat(chat_body(name), key=key), 403, "model_not_allowed", "model")
        is_error(get(road, f"/v1/models/{name}", key), 403, "model_not_allowed", "model")
        assert road.chat(chat_body("m"), key=key).status == 200


def test_a_name_in_another_spelling_is_the_same_model(road: Road) -> None:
    body = b'{"model":"\\u006d","messages":[]}'
    assert road.chat(body).status == 200
    assert road.upstream.take().body == b'{"model":"up-model","messages":[]}'


def test_a_data_policy_leaves_targets_out(road: Road) -> None:
    answer = road.chat(model="fallback", key=POLICY_KEY)
    assert (answer.status, answer.header("x-tollway-provider")) == (200, "second")
    assert road.upstream.requests == []
    assert road.second.take().json()["model"] == "second-model"


@pytest.mark.parametrize(
    ("key", "model", "constraint"), [(POLICY_KEY, "m", "region"), (IMPOSSIBLE_KEY, "fallback", "")]
)
def test_no_target_satisfies_the_policy(road: Road, key: str, model: str, constraint: str) -> None:
    error = is_error(road.chat(model=model, key=key), 403, "no_eligible_target")
    assert constraint in error["message"]
    assert (road.upstream.requests, road.second.requests) == ([], [])
