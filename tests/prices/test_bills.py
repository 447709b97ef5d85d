"""Bills as the sellers' price pages make them, held against the bundled table; Rust's test computes the same ones.

`bills.json` has for each: what was used and the sum as a person writes it (tokens times dollars for a million), the
`usd` that come of it (null: unknown), where the prices stand, and the price record that Python makes of the table.
After an upgrade of the table, `TOLLWAY_WRITE_BILLS=1 pytest tests/prices` writes the records anew; a sum that no longer
agrees with them then fails in Rust, and is to be looked up.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from genai_prices.data import providers as sellers
from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import Usage

from tests.prices.settings import provider, record

FILE = Path(__file__).parent / "bills.json"
BILLS: list[dict[str, Any]] = json.loads(FILE.read_text())

if os.environ.get("TOLLWAY_WRITE_BILLS"):
    for bill in BILLS:
        bill["prices"] = record(provider(bill["base_url"]), bill["model"])
    texts = (",\n  ".join(f"{json.dumps(key)}: {json.dumps(bill[key])}" for key in bill) for bill in BILLS)
    FILE.write_text("[\n" + ",\n".join(f" {{\n  {text}\n }}" for text in texts) + "\n]\n")


def named(bill: dict[str, Any]) -> str:
    return f"{bill['seller']}-{bill['model']}-{bill['name']}"


THEIRS = {
    "audio_cache_read": "cache_audio_read_tokens",
    "video_input": "input_video_tokens",
    "characters": "input_characters",
    "cache_write_1h": "cache_write_1h_tokens",
    "image_input": "input_image_tokens",
    "audio_output": "output_audio_tokens",
    "image_output": "output_image_tokens",
    "web_searches": "web_searches",
}


@pytest.mark.parametrize("bill", BILLS, ids=named)
def test_the_table_says_what_the_bill_was_made_of(bill: dict[str, Any]) -> None:
    assert record(provider(bill["base_url"]), bill["model"]) == bill["prices"]


@pytest.mark.parametrize("bill", [bill for bill in BILLS if bill["sum"]], ids=named)
def test_the_sum_is_right(bill: dict[str, Any]) -> None:
    products = (re.split(r" \* |\*", term) for term in bill["sum"].split(" + "))
    micro = sum((Decimal(first) * Decimal(more[0] if more else 1) for first, *more in products), Decimal(0))
    assert Decimal(bill["usd"]) == micro / 10**6


@pytest.mark.parametrize("bill", [bill for bill in BILLS if bill["sum"]], ids=named)
def test_the_tables_own_arithmetic_agrees(bill: dict[str, Any]) -> None:
    used = bill["usage"]
    inputs = ["input", "cache_read", "audio_cache_read", "cache_write", "cache_write_1h", "audio_input"]
    inputs += ["image_input", "video_input", "document_input", "tool_input"]
    reads = used.get("cache_read", 0) + used.get("audio_cache_read", 0)
    seconds = Decimal(used.get("audio_input_ms", 0)) / 1000
    audio = used.get("audio_input", 0) + used.get("audio_cache_read", 0)
    writes = used.get("cache_write", 0) + used.get("cache_write_1h", 0)
    usage = Usage(
        input_tokens=sum(used.get(name, 0) for name in inputs),
        output_tokens=sum(used.get(name, 0) for name in ("output", "reasoning", "audio_output", "image_output")),
        **({"cache_write_tokens": writes} if writes else {}),
        **({"cache_read_tokens": reads} if reads else {}),
        **({"input_audio_tokens": audio} if audio else {}),
        **dict.fromkeys(("audio_seconds", "input_audio_seconds") if seconds else (), seconds),
        **{theirs: used[ours] for ours, theirs in THEIRS.items() if used.get(ours)},
    )
    table = DataSnapshot(providers=sellers, from_auto_update=False)
    at = datetime.fromtimestamp(bill["at"], UTC)
    found = table.calc(usage, bill["model"], bill["seller"], None, at, bill["terms"])
    assert found.total_price == Decimal(bill["usd"])
