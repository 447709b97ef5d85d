"""Whose prices a model has, and what the file declares over them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.prices.settings import TABLE, provider
from tests.prices.settings import record as priced
from tollway.config.prices import is_priced

ONE = {"input_per_mtok": 1, "output_per_mtok": 2}


def rates(record: dict[str, Any] | None, index: int = -1) -> dict[str, Any]:
    assert record is not None
    found = record["periods"][index]["rates"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("settings", "model", "dollars"),
    [
        ({}, "gpt-4o", 2.5),
        ({}, "GPT-4o", 2.5),
        ({}, "gpt-4o-2024-08-06", 2.5),
        ({"base_url": "http://127.0.0.1:9/v1", "type": "openai"}, "gpt-4o", 2.5),
        ({"base_url": "https://proxy.example.com/v1", "type": "openai"}, "gpt-4o", 2.5),
        ({"base_url": "https://api.groq.com/openai/v1", "type": "openai"}, "llama-3.3-70b-versatile", 0.59),
        ({"base_url": "https://api.groq.com/openai/v1"}, "llama-3.3-70b-versatile", 0.59),
        ({"base_url": "https://openrouter.ai/api/v1"}, "anthropic/claude-sonnet-4.5", 3),
    ],
)
def test_known(settings: dict[str, Any], model: str, dollars: float) -> None:
    found = rates(priced(provider(**settings), model), 0)["input"]
    assert (found["base"] if isinstance(found, dict) else found) == dollars * 10**9


@pytest.mark.parametrize(
    ("settings", "model"),
    [
        ({}, "gpt-from-tomorrow"),
        ({}, "ft:gpt-4o:my-org::id"),
        ({"base_url": "http://127.0.0.1:9/v1"}, "gpt-4o"),
        ({"base_url": "http://[::1]:9/v1"}, "gpt-4o"),
        ({"base_url": "http://vllm:8000/v1"}, "gpt-4o"),
        ({"base_url": "https://proxy.example.com/v1"}, "gpt-4o"),
        ({"base_url": "https://api.groq.com.example.com/v1"}, "no-such-model"),
        ({"type": "mock"}, "gpt-4o"),
    ],
)
def test_unknown(settings: dict[str, Any], model: str) -> None:
    record = priced(provider(**settings), model)
    assert record is None
    assert not is_priced(record)


def test_declared_goes_over_the_table() -> None:
    period = {"when": {}, "version": "declared", "rates": {"input": 10**9, "output": 2 * 10**9}, "variants": []}
    assert priced(provider(prices={"gpt-4o": ONE}), "gpt-4o") == {"periods": [period]}


def test_declared_for_what_has_no_price() -> None:
    assert rates(priced(provider(type="mock", prices={"m": ONE}), "m")) == {"input": 10**9, "output": 2 * 10**9}
    assert priced(provider(type="mock", prices={"m": ONE}), "n") is None


def test_declared_from_a_moment_on() -> None:
    later = ONE | {"from": "2027-01-01T00:00:00Z"}
    sooner = ONE | {"input_per_mtok": 3, "from": "2026-06-01T00:00:00Z"}
    record = priced(provider(prices={"gpt-4o": sooner | {"changes": [later]}}), "gpt-4o")
    assert record is not None
    told = [(period["version"], period["when"], period["rates"]["input"]) for period in record["periods"]]
    assert told == [
        (TABLE.version, {}, 2_500_000_000),
        ("declared", {"from": 1780272000}, 3 * 10**9),
        ("declared", {"from": 1798761600}, 10**9),
    ]


def test_every_declared_rate() -> None:
    tokens = [
        *("cache_read", "cache_write", "cache_write_1h", "audio_input", "audio_output", "image_input"),
        *("audio_cache_read", "video_input", "video_output", "document_input"),
        *("image_output", "reasoning"),
    ]
    price: dict[str, Any] = ONE | {f"{item}_per_mtok": place + 0.5 for place, item in enumerate(tokens)}
    price |= {"web_searches_per_thousand": 10, "per_request": 0.01, "per_image": 0.04, "per_audio_minute": 0.006}
    price |= {"per_million_characters": 15, "per_search_unit": 0.002}
    price["above"] = [
        {"input_tokens": 200, "input_per_mtok": 7},
        {"input_tokens": 100, "input_per_mtok": 6, "reasoning_per_mtok": 0.000_000_001},
    ]
    assert rates(priced(provider(prices={"m": price}), "m")) == {
        "input": {"base": 10**9, "over": [(100, 6 * 10**9), (200, 7 * 10**9)]},
        "output": 2 * 10**9,
        **{item: place * 10**9 + 500_000_000 for place, item in enumerate(tokens[:-1])},
        "reasoning": {"base": 11_500_000_000, "over": [(100, 1)]},
        "web_searches": 10 * 10**12,
        "request": 10_000_000 * 10**6,
        "images": 40_000_000 * 10**6,
        "audio_input_ms": 6_000_000 * 60_000,
        "characters": 15 * 10**9,
        "search_units": 2_000_000 * 10**6,
    }


def test_a_model_without_tokens() -> None:
    assert rates(priced(provider(prices={"m": {"per_image": 0.04}}), "m")) == {"images": 4 * 10**13}
    assert is_priced(priced(provider(prices={"m": {"per_image": 0.04}}), "m"))


@pytest.mark.parametrize("price", [{}, {"input_per_mtok": 1}, {"output_per_mtok": 1, "per_image": 1}, {"above": []}])
def test_prices_that_lack_one(price: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="put_per_mtok` is missing"):
        provider(prices={"m": price})


def test_declared_tiers() -> None:
    price: dict[str, Any] = ONE | {"cache_read_per_mtok": 0.1, "per_request": 1}
    price["above"] = [{"input_tokens": 100, "input_per_mtok": 3}]
    price["service_tiers"] = {
        "flex": {"multiplier": 0.5},
        "priority": {"multiplier": 1.75, "output_per_mtok": 9, "audio_input_per_mtok": 8},
        "fast": {"input_per_mtok": 4},
    }
    record = priced(provider(prices={"m": price}), "m")
    assert record is not None
    variants = {variant["terms"]["service_tier"]: variant["rates"] for variant in record["periods"][0]["variants"]}
    assert variants == {
        "flex": {
            "input": {"base": 500_000_000, "over": [(100, 1_500_000_000)]},
            "output": 10**9,
            "cache_read": 50_000_000,
        },
        "priority": {
            "input": {"base": 1_750_000_000, "over": [(100, 5_250_000_000)]},
            "output": 9 * 10**9,
            "cache_read": 175_000_000,
            "audio_input": 8 * 10**9,
        },
        "fast": {"input": 4 * 10**9},
    }


@pytest.mark.parametrize("tiers", [{"standard": {"multiplier": 1}}, {"flex": {"multiplier": -1}}, {"flex": {"x": 1}}])
def test_tiers_that_are_none(tiers: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="service_tiers"):
        provider(prices={"m": ONE | {"service_tiers": tiers}})


@pytest.mark.parametrize("settings", [{"type": "groq"}, {"base_url": "https://api.groq.com/openai/v1"}])
def test_a_tier_that_costs_the_same(settings: dict[str, Any]) -> None:
    record = priced(provider(**{"base_url": None, "api_key": "env:K"} | settings), "llama-3.3-70b-versatile")
    assert record is not None
    assert {"when": {}, "terms": {"service_tier": "flex"}, "rates": {}} in record["periods"][0]["variants"]


def test_nothing_is_asked_of_the_network_and_no_library_is_loaded_for_it(tmp_path: Path) -> None:
    """What a running gateway loads for its configuration stays in its memory."""
    file = tmp_path / "tollway.toml"
    file.write_text(
        'providers.openai = { type = "openai", api_key = "env:KEY" }\n'
        'providers.anthropic = { type = "anthropic", api_key = "env:KEY" }\n'
        'routes.one = { provider = "openai", model = "gpt-4o" }\n'
        'routes.two = { provider = "anthropic", model = "claude-sonnet-4-5" }\n'
    )
    script = """
import socket, sys, threading
from pathlib import Path
def refuse(*_: object) -> None: raise AssertionError("the network was asked")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
from tollway.configuration import Configuration
built = Configuration(Path(sys.argv[1])).build()
assert b'"version":"genai-prices/' in built.snapshot
assert not built.warnings, built.warnings
loaded = {name.partition(".")[0] for name in sys.modules}
assert not loaded & {"genai_prices", "httpx", "httpx2", "httpcore", "httpcore2"}, loaded
assert threading.active_count() == 1
"""
    environment = os.environ | {"KEY": "a-key-of-a-test"}
    subprocess.run([sys.executable, "-c", script, file], check=True, timeout=60, env=environment)
