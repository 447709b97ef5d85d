"""The bundled price table: `price_table.jsonl`, which `scripts/prices.py` makes of the data of `genai-prices`.

Its notice and licence (MIT) stand in `price_table.LICENSE`. The first line has the table's version; the line of a
seller is followed by one for each of its models. Of sellers and of models that match, the first counts:

    {"version": "genai-prices/0.2.3"}
    {"seller": "azure", "url": REGEX of its API's address, "named": CLAUSE, "also": [sellers whose models it sells too]}
    {"model": "gpt-4o", "match": CLAUSE, "prices": [{"from": "2026-01-31", "daily": [SECONDS, SECONDS], "rates": {…}}],
     "variants": [{"terms": {"service_tier": "priority"}, "rates": {…}}]}

A CLAUSE is a text (the name itself), a list (any of them), or an object with one of `starts_with`, `ends_with`,
`contains`, `regex`, `all`. Rates are those of a price record, as `tollway.config.prices` describes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

Json = dict[str, Any]
Clause = str | list[Any] | dict[str, Any]

FILE = Path(__file__).with_name("price_table.jsonl")

_SELLER = re.compile(rb'^\{"seller":.*\n', re.MULTILINE)

_ONE_PRICE = frozenset({"google"})
"""Sellers who say so where audio costs more than text: without a price of its own, it costs the same.

https://ai.google.dev/gemini-api/docs/pricing lists "text / image / video" and "audio" apart where they differ.
"""

_DRAWN = "gpt-image"
"""Models whose output is pictures: where the table has one price of output, it is theirs.

https://platform.openai.com/docs/pricing lists their output under "Image tokens".
"""

_COMPACT_DATE = re.compile(r"-(20\d\d)([01]\d)([0-3]\d)(?=[-:]|$)")


class PriceTable:
    """The table, for as long as a configuration is compiled: of its lines, only those of sellers asked for are read."""

    def __init__(self) -> None:
        text = FILE.read_bytes()
        heads = list(_SELLER.finditer(text))
        ends = [head.start() for head in heads[1:]] + [len(text)]
        self.version: str = orjson.loads(text[: heads[0].start()])["version"]
        self.sellers = [_Seller(head[0], text[head.end() : end]) for head, end in zip(heads, ends, strict=True)]

    def periods(self, url: str | None, seller: str | None, model: str) -> list[Json]:
        """The periods of `model` at the seller with an API at `url`, or else of the name `seller`; none if unknown."""
        for one in self._asked(url, seller):
            found = self._find(one, model.lower())
            if found is not None:
                return [self._period(one, found, price) for price in found["prices"]]
        return []

    def _asked(self, url: str | None, name: str | None) -> Iterator[_Seller]:
        if url is not None:
            yield from [one for one in self.sellers if re.match(one.url, url)][:1]
        if name is not None:
            exact = [one for one in self.sellers if one.name == name]
            yield from (exact or [one for one in self.sellers if _matches(one.named, name)])[:1]

    def _find(self, seller: _Seller, model: str) -> Json | None:
        """The model of that name, or of the name with its date as the table writes dates: 2026-01-31 for 20260131."""
        others = [one for name in seller.also for one in self.sellers if one.name == name]
        for name in dict.fromkeys((model, _COMPACT_DATE.sub(_dashed, model))):
            for one in (seller, *others):
                for found in one.models:
                    if _matches(found["match"], name):
                        return found
        return None

    def _period(self, seller: _Seller, model: Json, price: Json) -> Json:
        same = {"audio_input": "input", "audio_cache_read": "cache_read"} if seller.name in _ONE_PRICE else {}
        if _DRAWN in model["model"]:
            same["image_output"] = "output"
        lacking = {item: other for item, other in same.items() if item not in price["rates"]}
        if "audio_input" in price["rates"]:
            lacking.pop("audio_cache_read", None)

        def completed(rates: Json) -> Json:
            return {item: rates[other] for item, other in lacking.items() if other in rates} | rates

        return {
            "when": _when(price),
            "version": f"{self.version}@{price['from']}" if "from" in price else self.version,
            "rates": completed(price["rates"]),
            "variants": [
                {"when": _when(variant), "terms": variant["terms"], "rates": completed(variant["rates"])}
                for variant in model.get("variants", ())
            ],
        }


class _Seller:
    """One who sells models, and, once asked for, the models."""

    def __init__(self, head: bytes, models: bytes) -> None:
        said = orjson.loads(head)
        self.name: str = said["seller"]
        self.url: str = said["url"]
        self.named: Clause = said.get("named", [])
        self.also: list[str] = said.get("also", [])
        self._text = models

    @cached_property
    def models(self) -> list[Json]:
        return [orjson.loads(line) for line in self._text.splitlines()]


def _matches(clause: Clause, name: str) -> bool:
    """Whether `name`, in lower case, is what `clause` describes."""
    if isinstance(clause, str):
        return name == clause
    if isinstance(clause, list):
        return any(_matches(one, name) for one in clause)
    ((kind, wanted),) = clause.items()
    return _TESTS[kind](name, wanted)


_TESTS: dict[str, Callable[[str, Any], bool]] = {
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": str.__contains__,
    "regex": lambda name, pattern: re.search(pattern, name) is not None,
    "all": lambda name, clauses: all(_matches(one, name) for one in clauses),
}


def _dashed(found: re.Match[str]) -> str:
    year, month, day = found.groups()
    try:
        return f"-{date(int(year), int(month), int(day)).isoformat()}"
    except ValueError:
        return found[0]


def _when(price: Json) -> Json:
    if "from" in price:
        return {"from": int(datetime.fromisoformat(price["from"]).replace(tzinfo=UTC).timestamp())}
    return {"daily": price["daily"]} if "daily" in price else {}
