"""Provider adapters: an operator's own Python between Tollway and an API that speaks none of the known dialects.

An adapter is a class. It says where requests go and which dialect its dicts are in; Tollway does the rest, with callers
of any dialect, and sends what the adapter returns:

    from tollway.adapter import Adapter, Json

    class Exotic(Adapter):
        path = "/generate"

        def request(self, body: Json) -> Json: ...    # a chat completion's request in, the API's out
        def response(self, body: Json) -> Json: ...   # the API's answer in, a chat completion out
        def event(self, event: Json) -> list[Json]: ...   # one event of the API's stream in, chunks out

Each attempt has an instance of its own, made without arguments, whose methods are called one after another: `request`,
then `response`, or `event` for each event in order, then `end`. So an instance may remember what it needs. Plain
methods run on threads of their own (as many as `server.hook_threads`); if `request`, `response` and `event` are all
`async`, on the event loop of asynchronous hooks. See docs/adapters.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

Json: TypeAlias = dict[str, Any]
"""A JSON object, as Python's own types."""

Spoken: TypeAlias = Literal["openai", "openai-responses", "anthropic", "gemini"]


class Adapter:
    """What an adapter declares, and what it need not write. Whether a class derives from this one does not matter."""

    path: ClassVar[str]
    """Where requests go, after `base_url`. `{model}` in it stands for the target's model."""
    stream_path: ClassVar[str | None] = None
    """Where requests for a stream go, if not to `path`."""
    dialect: ClassVar[Spoken] = "openai"
    """What the dicts are in that Tollway gives and takes."""
    headers: ClassVar[Mapping[str, str]] = {}
    """Headers that every request carries, besides those of the configuration."""
    auth_header: ClassVar[str] = "authorization"
    """The header of the credential, which the adapter itself never sees."""
    auth_prefix: ClassVar[str] = "Bearer "
    """What stands before the credential."""

    def end(self) -> Iterable[Json]:
        """The last events of a stream, after the API's has ended properly. Raise to say that it did not."""
        return ()


@dataclass(frozen=True, slots=True)
class Declared:
    """An adapter that was found: what it says of itself, under the number by which the data plane calls it."""

    id: int
    is_async: bool = False
    path: str = "/"
    stream_path: str = "/"
    dialect: Spoken = "openai"
    headers: Mapping[str, str] = field(default_factory=dict)
    auth_header: str = "authorization"
    auth_prefix: str = "Bearer "
