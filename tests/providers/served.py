"""The bundled providers' wire cases: `cases/TYPE.json`, each written by us from the page that it names as its `source`.

A case has what a chat caller has `asked`, what is then `sent` (`"@id"` is any name of a call that the server takes) to
which `path` and `stream_path`, the `flags` that tell what was lost, an `answer`, the same as `events` of a stream, and
what the caller is `told`; where it is of use, `options` of the module, and the server's own `errors` with the class
that each is of. Under `embeddings` and `rerank` it has the same, and a `model` of their own; a provider without models
that answer has nothing else. `framing` is of AWS's event streams: events by their type, or the chunks of a model's own.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support import frames
from tests.support.reply import Reply
from tests.support.upstream import ScriptedUpstream
from tests.support.wire import Json
from tollway.providers.contract import Provider, providers

CASES = Path(__file__).parent / "cases"
PARTS = ("embeddings", "rerank")
SERVERS = {name: one for name, one in providers().items() if one.kind == "http" and one.adapter is None}
ANSWERING = {name: one for name, one in SERVERS.items() if one.answers}


def case_of(name: str) -> dict[str, Any]:
    """The wire case of a provider, which it must have."""
    file = CASES / f"{name}.json"
    assert file.exists(), f"the provider `{name}` has no wire case: write tests/providers/cases/{name}.json"
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def base_path(provider: Provider) -> str:
    """The path of its address: that of the module, with any options in it, or a server's of one's own."""
    place = urlsplit(
        re.sub(r"\{\w+\}", "x", provider.address or "http://own/v1" if _is_based(provider) else "http://own")
    )
    return place.path


def _is_based(provider: Provider) -> bool:
    """Whether the paths of its requests start at a version of the API, and not at the host."""
    return provider.base_url is not None or not provider.paths


def table_of(name: str, upstream: ScriptedUpstream) -> dict[str, Any]:
    """`[providers.X]` of the type `name`, at `upstream`."""
    place = {"type": name, "base_url": f"{upstream.url}{base_path(SERVERS[name])}", "api_key": "env:TEST_UPSTREAM_KEY"}
    return {**place, **case_of(name).get("options", {})}


def streamed(case: dict[str, Any]) -> Reply:
    """The events of a case as an answer."""
    framing = case.get("framing")
    body = tuple(_framed(event, framing) for event in case["events"])
    kind = "text/event-stream" if framing is None else "application/vnd.amazon.eventstream"
    return Reply(headers=(("content-type", kind),), body=body, framing="chunked")


def _framed(event: Json, framing: str | None) -> bytes:
    if framing == "chunks":
        return frames.chunk(event)
    if framing == "events":
        [(name, payload)] = event.items()
        return frames.event(name, payload)
    return b"data: %s\n\n" % (event if isinstance(event, str) else json.dumps(event)).encode()


def first_with(case: dict[str, Any], *words: str) -> int:
    """Which of the events is the first that holds one of these words."""
    return next(index for index, event in enumerate(case["events"]) if any(word in json.dumps(event) for word in words))
