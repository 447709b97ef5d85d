"""What serves when a route cannot: other routes after failures, for long requests, and for content that is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.pipeline.lab import Lab, laboratory, to
from tests.support.errors import is_error
from tests.support.reply import answer, chunk, data, error, stream

EU_KEY, NARROW_KEY = "canary-european-virtual-key", "canary-narrow-virtual-key"
LONG = error(400, "This model's maximum context length is 128 tokens.", "context_length_exceeded", param="messages")
REFUSED = error(400, "The content was filtered.", "content_filter")


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started once for this file."""
    routes: dict[str, dict[str, object]] = {
        "first": {**to("a", "first"), "fallbacks": ["second", "third"]},
        "second": {**to("b", "second"), "fallbacks": []},
        "third": {**to("c", "third"), "fallbacks": []},
        "by-default": to("a", "by-default"),
        "long": {"targets": [to("c", "long", context_window=100_000)]},
        "windowed": {**to("a", "windowed"), "context_window_fallback": "long", "fallbacks": []},
        "measured": {
            "targets": [to("a", "measured", context_window=200)],
            "context_window_fallback": "long",
            "fallbacks": [],
        },
        "measured-alone": {"targets": [to("a", "measured-alone", context_window=200)], "fallbacks": []},
        "permissive": to("b", "permissive"),
        "strict": {**to("a", "strict"), "content_policy_fallback": "permissive", "fallbacks": []},
    }
    providers = {"a": {"region": "eu"}, "b": {"region": "us"}, "c": {"region": "eu"}}
    tables: dict[str, Any] = {
        "keys": {
            "eu": {"secret": EU_KEY, "data_policy": {"regions": ["eu"]}},
            "narrow": {"secret": NARROW_KEY, "models": ["first", "third", "windowed", "measured", "strict"]},
        },
        "resilience": {
            "default_fallbacks": ["third"],
            "breaker": {"consecutive": 0, "min_requests": 100_000},
        },
    }
    with laboratory(tmp_path_factory.mktemp("chains"), routes, providers, **tables) as lab:
        yield lab


def test_one_after_the_other(lab: Lab) -> None:
    lab.fails(lab.a, reply=error(500))
    assert lab.serves("first") == "b"
    lab.fails(lab.b, reply=error(503))
    told = lab.ask("first")
    assert (told.header("x-tollway-provider"), told.header("x-tollway-attempts")) == ("c", "3")
    assert told.header("x-tollway-route") == "first"
    assert [attempt["provider"] for attempt in lab.record(told)["attempts"]] == ["a", "b", "c"]
    lab.fails(lab.c, reply=error(500, "The last."))
    assert "The last." in is_error(lab.ask("first"), 502, "upstream_error")["message"]


def test_those_of_all_routes(lab: Lab) -> None:
    lab.fails(lab.a, reply=error(500))
    assert lab.serves("by-default") == "c"


def test_what_the_caller_did_wrong_falls_back_nowhere(lab: Lab) -> None:
    lab.fails(lab.a, reply=error(400))
    assert lab.ask("first").status == 400
    assert lab.got() == (1, 0, 0)


def test_a_fallback_is_only_for_whom_it_is_allowed(lab: Lab) -> None:
    lab.fails(lab.a, reply=error(500))
    assert lab.serves("first", key=EU_KEY) == "c"
    assert lab.serves("first", key=NARROW_KEY) == "c"
    assert lab.b.requests == []


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_request_that_its_provider_finds_too_long(lab: Lab, streamed: bool) -> None:
    lab.a.script(LONG)
    lab.c.script(stream() if streamed else answer())
    told = lab.ask("windowed", stream=streamed)
    assert (told.status, told.header("x-tollway-provider")) == (200, "c")
    classes = [attempt["class"] for attempt in lab.record(told)["attempts"]]
    assert classes == ["context_window", "ok"]


def test_where_it_may_not_go_the_error_is_told(lab: Lab) -> None:
    lab.a.script(LONG)
    error = is_error(lab.ask("windowed", key=NARROW_KEY), 400, "context_length_exceeded", "messages")
    assert "128 tokens" in error["message"]
    assert lab.c.requests == []


def words(count: int) -> list[dict[str, str]]:
    """A request of about so many tokens."""
    return [{"role": "user", "content": "word " * count}]


def test_a_request_that_is_counted_as_too_long_is_not_even_sent(lab: Lab) -> None:
    assert lab.serves("measured", messages=words(120)) == "a"
    told = lab.ask("measured", messages=words(300))
    assert told.header("x-tollway-provider") == "c"
    assert lab.got() == (1, 0, 1)
    assert "context_window" in lab.record(told)["decision"]


def test_the_count_is_of_tokens_not_of_bytes(lab: Lab) -> None:
    """A fourth of its bytes would be too long, as a sixth is not."""
    assert lab.serves("measured", messages=[{"role": "user", "content": "international " * 70}]) == "a"


def test_an_image_is_as_long_as_its_tokens(lab: Lab) -> None:
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    url = f"data:image/png;base64,{pixel}"
    parts = [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}]
    padding = " " * 5000
    messages = [{"role": "user", "content": parts}]
    assert lab.serves("measured", messages=messages, metadata={"padding": padding[:500]}) == "a"


def test_what_the_answer_may_take_counts(lab: Lab) -> None:
    assert lab.serves("measured", messages=words(20), max_tokens=100) == "a"
    assert lab.serves("measured", messages=words(20), max_tokens=300) == "c"


def test_a_long_request_is_counted_beside_the_others(lab: Lab) -> None:
    """Above 8 KiB another thread counts."""
    assert lab.serves("measured", messages=words(4000)) == "c"


def test_too_long_for_all(lab: Lab) -> None:
    told = lab.ask("measured-alone", messages=words(300))
    error = is_error(told, 400, "context_length_exceeded", "messages")
    assert "200 tokens" in error["message"]
    is_error(lab.ask("measured", messages=words(300), key=NARROW_KEY), 400, "context_length_exceeded", "messages")
    assert lab.got() == (0, 0, 0)


def test_content_that_a_provider_refuses(lab: Lab) -> None:
    lab.a.script(REFUSED)
    told = lab.ask("strict")
    assert (told.status, told.header("x-tollway-provider")) == (200, "b")
    assert [attempt["class"] for attempt in lab.record(told)["attempts"]] == ["content_policy", "ok"]
    for key in (EU_KEY, NARROW_KEY):
        lab.a.script(REFUSED)
        assert lab.ask("strict", key=key).status == 400
    assert len(lab.b.requests) == 1


def test_an_error_inside_a_stream_before_its_content(lab: Lab) -> None:
    said = {"error": {"message": "Too long.", "type": "x", "code": "context_length_exceeded", "param": None}}
    lab.a.script(stream([chunk({"role": "assistant", "content": ""}), data(said)]))
    lab.c.script(stream())
    assert lab.ask("windowed", stream=True).header("x-tollway-provider") == "c"
