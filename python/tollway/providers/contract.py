"""What a provider's module declares: one `PROVIDER`, which costs nothing per request."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Literal, TypeAlias

import tollway.providers

Quantity = Literal["delay", "count", "status", "word"]
Dialect = Literal["openai", "openai-responses", "openai-completions", "anthropic", "gemini", "bedrock", "cohere"]


CONFIGURED = "configured"
"""Stands for an adapter that the configuration names."""


@dataclass(frozen=True, slots=True)
class Option:
    """A setting that only this provider has: `kind` says what it holds, `default` is as written in the file.

    A `word` can stand in a host and in a path: letters, digits, `.`, `_`, `-` and `:`. In the templates of its provider
    it stands for `{name}`; `is_used` says that it has another use than those.
    """

    name: str
    kind: Quantity
    default: str | int | None
    description: str
    is_used: bool = False


@dataclass(frozen=True, slots=True)
class Derived:
    """What follows from an option, by patterns (`eu-*`) of which the first that matches holds; `None` is: not told."""

    option: str
    words: Mapping[str, str | None]


Template: TypeAlias = str | tuple[str, ...]
"""A text with options in it, as `{location}`; of several, the first one holds whose options are all given."""


@dataclass(frozen=True, slots=True)
class Quirks:
    """How a server departs from its dialect in what it takes; each with its source in the module that declares it.

    A path names members from the body's root, as `messages[].name`: `[]` is each item of an array. `drop` are members
    that the server refuses: without them the request has lost something, which is flagged. `omit` are those that it
    refuses because it does the same without them. `rename` gives the last name of a path that the server knows instead,
    `rename_text` the same where its value is a text, `values` the words that it knows instead. Of a member in `only` it
    takes these texts alone; another value is dropped, and flagged. `set` are texts that every body has, whatever the
    caller says; templates, left out where an option is not given. `headers` are those of callers' that the server knows
    as members of the body, each a list: by header, the member. `call_ids` is how many letters and digits the name of a
    call must have. A body that has none of it goes out as it is, where nothing is `set`.
    """

    drop: tuple[str, ...] = ()
    omit: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    rename_text: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    set: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    call_ids: int | None = None


Asked: TypeAlias = Literal[
    "openai",
    "openai:stream",
    "openai-responses",
    "openai-responses:stream",
    "openai-completions",
    "openai-completions:stream",
    "anthropic",
    "anthropic:stream",
    "gemini",
    "gemini:stream",
    "bedrock",
    "bedrock:stream",
    "cohere",
    "cohere:stream",
    "embeddings",
    "embeddings:batch",
    "predict",
    "count",
    "rerank",
    "moderations",
    "images/generations",
    "images/edits",
    "images/variations",
    "audio/speech",
    "audio/transcriptions",
    "audio/translations",
]
"""What a provider can be asked, as its `paths` name it: answers by dialect, the same as a stream, and the rest.

`predict` is for the embeddings of Vertex AI's models that have no `embedContent`.
"""

SYSTEM_ONLY = {"messages[].role": {"developer": "system"}}
"""The `values` of a server that knows no developer, which is what a system is called before newer models."""


AZURE_VERSION = Option("api_version", "word", None, "A dated version of the API, as `2024-10-21`; without it, its v1.")

GOOGLE_PROJECT = Option("project", "word", None, "The Google Cloud project.")
GOOGLE_LOCATION = Option("location", "word", None, "Where the models run, as `europe-west4`, `eu` or `global`.")
VERTEX_PLACES = (
    "https://{host}/v1/projects/{project}/locations/{location}",
    "https://aiplatform.googleapis.com/v1/projects/{project}/locations/global",
)
"""Where Vertex AI is, by location; without one, wherever Google has room."""
VERTEX_HOST = Derived(
    "location",
    {
        "global": "aiplatform.googleapis.com",
        "us": "aiplatform.us.rep.googleapis.com",
        "eu": "aiplatform.eu.rep.googleapis.com",
        "*": "{location}-aiplatform.googleapis.com",
    },
)
GOOGLE_REGION = Derived(
    "location",
    {
        "europe-west2": "uk",
        "europe-west6": "ch",
        "europe-*": "eu",
        "eu": "eu",
        "us": "us",
        "us-*": "us",
        "northamerica-northeast*": "ca",
        "asia-northeast[12]": "jp",
        "australia-*": "au",
    },
)
"""https://cloud.google.com/about/locations: London and Zurich are not in the European Union."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider's declarations.

    `kind` is who answers: a far end over HTTP, or the bundled mock. `dialects` are what it speaks, the one that others
    are translated to first: a caller of one of them is passed through. `base_url` is the default; without one the
    configuration must give it. `paths` say where under it requests go, as far as that is not where the dialect has it;
    what has no path of its own as a stream or a batch goes where the same goes that is none, and an empty path is for
    what cannot be asked. `{model}` stands for the model's name, `{FOLDER/model}` for one that need not have the folder,
    `{model:segment}` for one segment of the path. Both are templates; `derived` are further words for them.
    `region` follows from where the provider was configured to be, if that says it surely.
    `auth_header` and `auth_prefix` frame the credential; `headers` go with every request.
    `max_tokens` is what the provider calls the most tokens of a chat completion. `chat`, `embeddings` and `count` (of
    tokens) are the quirks of these requests, `other` of those for answers in other dialects; `stream_usage` says
    whether a stream tells its tokens because it is asked to, or always, where asking is an error. `answers` says
    whether it has models that answer; else only others, as for embeddings. `rerank` is the shape of its rerankings
    (`rust/protocol/src/dialect/rerank.rs`). `needs_key` warns when none is configured. `auth` is how a credential is
    fetched where the configuration gives neither a key nor a way to one. `adapter` is the class that translates, as
    `module:Class`, where the API is no known dialect: see `tollway.adapter`. `options` are settings beyond those that
    all providers share. `evidence` is what the module was tested against: recorded traffic of the provider, or its
    documentation alone.
    """

    title: str
    evidence: Literal["recorded", "documentation"]
    dialects: tuple[Dialect, ...] = ("openai",)
    kind: Literal["http", "mock"] = "http"
    base_url: Template | None = None
    paths: Mapping[Asked, Template] = field(default_factory=dict)
    derived: Mapping[str, Derived] = field(default_factory=dict)
    region: Derived | None = None
    auth_header: str = "authorization"
    auth_prefix: str = "Bearer "
    headers: Mapping[str, str] = field(default_factory=dict)
    max_tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    chat: Quirks = field(default_factory=Quirks)
    other: Quirks = field(default_factory=Quirks)
    embeddings: Quirks = field(default_factory=Quirks)
    count: Quirks = field(default_factory=Quirks)
    stream_usage: Literal["asked", "always"] = "asked"
    answers: bool = True
    rerank: Literal["standard", "cohere", "voyage"] = "standard"
    needs_key: bool = False
    auth: Literal["aws", "google", "azure"] | None = None
    adapter: str | None = None
    options: tuple[Option, ...] = ()

    @property
    def address(self) -> str | None:
        """Where its API starts, as its users know it: with the options in it by name."""
        return self.base_url if self.base_url is None or isinstance(self.base_url, str) else self.base_url[0]

    def told(self) -> dict[str, Any]:
        """The declarations as JSON has them."""
        return asdict(self)


@cache
def providers() -> dict[str, Provider]:
    """Every bundled provider by its `type`, in alphabetical order."""
    found = sorted(module.name for module in pkgutil.iter_modules(tollway.providers.__path__))
    return {
        name.replace("_", "-"): importlib.import_module(f"tollway.providers.{name}").PROVIDER
        for name in found
        if name != "contract"
    }
