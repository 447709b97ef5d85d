"""`/v1/images/generations`, `/v1/images/edits`, `/v1/images/variations`."""

from __future__ import annotations

import base64
import json

import pytest

from tests.endpoints.conftest import KEYS, Bench, error
from tests.support.reply import Reply, whole

PICTURE = base64.b64encode(bytes(range(256)) * 8).decode()
MADE = {
    "created": 1760092079,
    "data": [{"b64_json": PICTURE}],
    "usage": {
        "input_tokens": 60,
        "output_tokens": 4160,
        "total_tokens": 4220,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 50},
    },
}


def made(**members: object) -> Reply:
    return whole(json.dumps({**MADE, **members}).encode())


def test_a_picture_is_made_by_the_stock_client(bench: Bench) -> None:
    bench.upstream.script(made())
    with bench.client() as client:
        raw = client.images.with_raw_response.generate(model="m", prompt="A cat", size="1024x1024", n=1)
    answer = raw.parse()
    assert answer.data is not None
    assert answer.data[0].b64_json == PICTURE
    received = bench.upstream.take()
    assert (received.method, received.target) == ("POST", "/v1/images/generations")
    assert received.json() == {"model": "up-model", "prompt": "A cat", "size": "1024x1024", "n": 1}
    assert received.header("authorization") == "Bearer canary-upstream-key-1"
    assert raw.headers["x-tollway-provider"] == "up"
    assert raw.headers["x-tollway-input-tokens"] == "60"
    # 10 + 50 tokens read at $1, 4160 of the picture at $4 a million.
    assert raw.headers["x-tollway-cost-usd"] == "0.0167"
    record = bench.record(raw.headers["x-request-id"])
    assert record["endpoint"] == "images/generations"
    assert (record["tokens"]["image_input"], record["tokens"]["image_output"], record["units"]["images"]) == (
        50,
        4160,
        1,
    )


def test_pictures_may_be_billed_by_the_piece(bench: Bench) -> None:
    bench.upstream.script(
        whole(json.dumps({"created": 1, "data": [{"url": "https://x/1"}, {"url": "https://x/2"}]}).encode())
    )
    answer = bench.post("/v1/images/generations", {"model": "pieces", "prompt": "Two cats", "n": 2}, key=KEYS["images"])
    assert answer.status == 200
    assert answer.header("x-tollway-cost-usd") == "0.08"


def test_a_large_answer_is_passed_and_its_usage_read(bench: Bench) -> None:
    picture = "A" * (3 << 20)
    bench.upstream.script(made(data=[{"b64_json": picture}]))
    answer = bench.post("/v1/images/generations", {"model": "m", "prompt": "A cat"})
    assert answer.json()["data"][0]["b64_json"] == picture
    record = bench.record(answer.header("x-request-id"))
    assert (record["tokens"]["image_output"], record["units"]["images"]) == (4160, 1)
    assert record["cost_nano"] == 16_700_000


def test_partial_pictures_are_streamed(bench: Bench) -> None:
    partial = {"type": "image_generation.partial_image", "partial_image_index": 0, "b64_json": PICTURE}
    last = {"type": "image_generation.completed", "b64_json": PICTURE, "usage": MADE["usage"]}
    events = [
        b"event: %s\ndata: %s\n\n" % (str(one["type"]).encode(), json.dumps(one).encode()) for one in (partial, last)
    ]
    bench.upstream.script(
        Reply(headers=(("content-type", "text/event-stream"),), body=tuple(events), framing="chunked")
    )
    with bench.client() as client:
        seen = list(client.images.generate(model="m", prompt="A cat", stream=True, partial_images=1))
    assert [event.type for event in seen] == ["image_generation.partial_image", "image_generation.completed"]
    assert seen[1].b64_json == PICTURE
    sent = bench.upstream.take().json()
    assert (sent["stream"], sent["model"]) == (True, "up-model")
    assert "stream_options" not in sent


def test_an_error_before_any_byte_is_replaced_by_another_target(bench: Bench) -> None:
    refused = {"type": "error", "error": {"type": "server_error", "message": "overloaded", "code": "server_error"}}
    bench.upstream.script(
        Reply(
            headers=(("content-type", "text/event-stream"),),
            body=(b"event: error\ndata: %s\n\n" % json.dumps(refused).encode(),),
            framing="chunked",
        )
    )
    bench.second.script(made())
    answer = bench.post("/v1/images/generations", {"model": "fallback", "prompt": "A cat", "stream": True})
    assert (answer.status, answer.header("x-tollway-provider")) == (200, "second")
    assert bench.second.take().json()["model"] == "second-model"


def test_the_prompt_is_inspected(bench: Bench) -> None:
    bench.upstream.script(made())
    answer = bench.post("/v1/images/generations", {"model": "guarded", "prompt": "A letter to joe@example.com"})
    assert answer.status == 200, answer.body
    assert answer.json()["data"][0]["b64_json"] == PICTURE
    sent = bench.upstream.take().json()["prompt"]
    assert "joe@" not in sent
    assert sent.startswith("A letter to ")


def test_who_makes_no_pictures_is_passed_over(bench: Bench) -> None:
    said = error(
        bench.post("/v1/images/generations", {"model": "claude", "prompt": "A cat"}), 403, "no_eligible_target"
    )
    assert "images/generations" in said
    bench.upstream.script(made())
    answer = bench.post("/v1/images/generations", {"model": "claude-first", "prompt": "A cat"})
    assert (answer.status, answer.header("x-tollway-provider")) == (200, "up")
    assert bench.second.requests == []


def test_rights_and_faults(bench: Bench) -> None:
    error(
        bench.post("/v1/images/generations", {"model": "m", "prompt": "x"}, key="wrong-key-wrong-key"),
        401,
        "invalid_api_key",
    )
    error(
        bench.post("/v1/images/generations", {"model": "m", "prompt": "x"}, key=KEYS["images"]),
        403,
        "model_not_allowed",
    )
    error(bench.post("/v1/images/generations", {"prompt": "x"}), 400, "invalid_request", "model")
    error(bench.ask("GET", "/v1/images/generations"), 405, "method_not_allowed")
    blocked = {
        "error": {"message": "No.", "type": "image_generation_user_error", "param": None, "code": "moderation_blocked"}
    }
    bench.upstream.script(whole(json.dumps(blocked).encode(), status=400))
    assert (
        error(bench.post("/v1/images/generations", {"model": "m", "prompt": "x"}), 400, "moderation_blocked") == "No."
    )
    assert len(bench.upstream.requests) == 1


@pytest.mark.filterwarnings("ignore:deprecated")  # the client says so of variations
@pytest.mark.parametrize("kind", ["edit", "variation"])
def test_pictures_are_changed(bench: Bench, kind: str) -> None:
    bench.upstream.script(made())
    picture = ("cat.png", b"\x89PNG" + bytes(range(256)) * 4000, "image/png")
    with bench.client() as client:
        if kind == "edit":
            client.images.edit(model="m", image=[picture, picture], prompt="A hat", mask=picture, n=1)
        else:
            client.images.create_variation(model="m", image=picture, n=1)
    received = bench.upstream.take()
    assert received.target == f"/v1/images/{kind}s"
    assert received.body.count(picture[1]) == (3 if kind == "edit" else 1)
    assert b"up-model" in received.body
    assert b'name="model"\r\n\r\nup-model\r\n' in received.body
