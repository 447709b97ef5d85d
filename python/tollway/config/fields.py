"""The kinds of values that settings have, each checked on construction, and the base of every table's model."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated, Any, NamedTuple, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    PlainSerializer,
    Strict,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema

from tollway.config.fault import fault
from tollway.config.secrets import Reference, SecretError, parse_reference

Item = TypeVar("Item")


class Settings(BaseModel):
    """One table of the configuration: immutable, refuses unknown keys, converts nothing silently."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        # One validator for the whole file, built when the first one is read, instead of one for each table at import.
        defer_build=True,
        arbitrary_types_allowed=True,
        use_attribute_docstrings=False,
    )


class Hidden:
    """Marks a setting that may hold a secret: its text is never shown, not even in the offending line."""


@dataclass(frozen=True)
class NotYet:
    """Marks a setting that is checked but that this version does not enforce."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = dict(handler(schema))
        described["x-enforced"] = False
        return described


Many = Annotated[tuple[Item, ...], Strict(False)]
"""An array."""

Name = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,200}$")]
"""A name that can stand in a header and a metric's label: 1 to 200 visible ASCII characters, no space."""


class Address(NamedTuple):
    """Where a listener binds."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def text_of(value: object) -> str:
    """`value`, which must be a string. Raises `PydanticCustomError`."""
    if not isinstance(value, str):
        raise fault("wrong-type", "a string", 'put it into quotes: "…"')
    return value


def _address(value: object) -> Address:
    hint = 'write "HOST:PORT", as in "127.0.0.1:8080" or "[::1]:8080"'
    text = text_of(value)
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit():
        raise fault("bad-address", f"`{text[:80]}` has no port", hint)
    if not host:
        raise fault(
            "bad-address",
            f"`{text[:80]}` has no host",
            f'write "127.0.0.1:{port}", or "0.0.0.0:{port}" for all interfaces',
        )
    if len(port) > 5 or int(port) > 65_535:
        raise fault("out-of-range", f"the port {port[:20]} is out of range", "a port is 0 to 65535; 0 takes a free one")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    if (":" in bare) != bracketed:
        raise fault(
            "bad-address",
            f"`{text[:80]}` is not an address",
            f'put brackets around IPv6: "[{bare[:60]}]:{port}"' if not bracketed else hint,
        )
    if not re.fullmatch(r"[0-9a-fA-F:.]+(%\w+)?" if bracketed else r"[A-Za-z0-9_.-]+", bare):
        raise fault("bad-address", f"`{text[:80]}` is not an address", hint)
    return Address(bare, int(port))


def _split(text: str, schemes: tuple[str, ...], example: str) -> SplitResult:
    hint = f'write it as in "{example}"'
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise fault("bad-url", "this is not a URL: its host or port is malformed", hint) from None
    if url.scheme not in schemes or not text.startswith(f"{url.scheme}://"):
        raise fault("bad-url", f"the URL must start with {' or '.join(f'{scheme}://' for scheme in schemes)}", hint)
    if not url.hostname or port == 0:
        raise fault("bad-url", "the URL names no host" if not url.hostname else "the port 0 cannot be called", hint)
    if re.search(r"[\x00-\x20\x7f-\U0010ffff\\<>{}|^`]", text):
        raise fault("bad-url", "the URL holds a character that must be percent-encoded", hint)
    return url


def _base_url(value: object) -> str:
    text = text_of(value)
    url = _split(text, ("https", "http"), "https://api.example.com/v1")
    if "@" in url.netloc:
        raise fault(
            "url-credentials", "the URL holds credentials", 'take them out, and give them as `api_key = "env:NAME"`'
        )
    if "?" in text or "#" in text:
        part = "query" if "?" in text else "fragment"
        raise fault(
            "url-query", f"the URL holds a {part}", f"take the {part} out; fixed headers can be given as `headers`"
        )
    return text.rstrip("/")


def _proxy(value: object) -> str:
    text = text_of(value)
    url = _split(text, ("http",), "http://proxy.example.com:3128")
    if "@" in url.netloc or url.path not in ("", "/") or url.query or url.fragment:
        raise fault("bad-url", "a proxy is a scheme, a host and a port alone", 'write "http://HOST:PORT"')
    return f"http://{url.netloc}"


def _reference(value: object) -> Reference:
    try:
        return parse_reference(text_of(value))
    except SecretError as error:
        raise fault(error.code, str(error), error.hint) from None


def check_store_url(text: str) -> None:
    """Whether `text` can be `store.url`. Raises `PydanticCustomError`, which does not repeat it."""
    if text.startswith("sqlite:"):
        place = text.removeprefix("sqlite:")
        if not place.lstrip("/") or place.endswith("/"):
            raise fault("bad-url", "the URL names no file", 'write "sqlite:tollway.db"')
        if ":memory:" in place or "?" in place or "\0" in place:
            raise fault("bad-url", "the store is a file, without parameters", 'write "sqlite:tollway.db"')
        return
    _split(text, ("postgres", "postgresql"), 'sqlite:tollway.db" or "postgres://user@host/database')


def check_state_url(text: str) -> None:
    """Whether `text` can be `state.url`. Raises `PydanticCustomError`, which does not repeat it."""
    if text != "memory:":
        _split(text, ("redis", "rediss"), 'memory:" or "redis://host:6379/0')


def check_webhook_url(text: str) -> None:
    """Whether `text` can be a webhook's URL. Raises `PydanticCustomError`, which does not repeat it."""
    url = _split(text, ("https", "http"), "https://hooks.example.com/tollway")
    if "@" in url.netloc:
        raise fault("url-credentials", "the URL holds credentials", "take them out, and give them as `headers`")
    if "#" in text:
        raise fault("url-query", "the URL holds a fragment", "take the fragment out")


def _callback_url(value: object) -> str:
    text = text_of(value)
    url = _split(text, ("https", "http"), "https://hooks.example.com/")
    hint = 'write a scheme, a host and a path, as in "https://hooks.example.com/jobs/"'
    if "@" in url.netloc:
        raise fault("url-credentials", "the URL holds credentials", "take them out: posts are signed")
    if "?" in text or "#" in text:
        raise fault("url-query", "the URL holds a query or a fragment", hint)
    path = url.path.lower().replace("%2e", ".")
    if "%2f" in path or "%5c" in path or {".", ".."} & set(path.split("/")):
        raise fault("bad-url", "the path could mean another one", hint)
    if url.scheme == "http" and not _is_loopback(url.hostname or ""):
        raise fault("bad-url", "plain http goes to this machine alone", "write https://")
    return text


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _service_url(check: Callable[[str], None]) -> Callable[[object], Reference]:
    def parse(value: object) -> Reference:
        reference = _reference(value)
        if reference.literal is not None:
            check(reference.literal.reveal())
        return reference

    return parse


def moment(value: object) -> int:
    """Unix seconds of a date and time with a zone, or of a date, which begins in UTC. Raises `PydanticCustomError`."""
    text = text_of(value)
    hint = "write a date and time with a zone, as in 2027-01-31T12:00:00Z, or a date"
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise fault("bad-time", f"`{text[:40]}` is not a time", hint) from None
    if found.tzinfo is None and len(text) > len("2027-01-31"):
        raise fault("bad-time", f"`{text[:40]}` has no time zone", f"write {text[:40]}Z for UTC")
    return max(0, int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()))


def _nano_dollars(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise fault("wrong-type", "a number of US dollars", "write a number, as in 50 or 0.5")
    amount = Decimal(repr(value))
    if not amount.is_finite() or not 0 <= amount <= 10**9:
        raise fault("out-of-range", "the amount is out of range", "write 0 to 1000000000 dollars")
    return int(amount * 10**9)


def _in_dollars(nano: int) -> int | float:
    return nano / 10**9 if nano % 10**9 else nano // 10**9


def _call(value: object) -> str:
    text = text_of(value)
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*", text):
        raise fault(
            "bad-hook", f"`{text[:80]}` does not name a function", 'write "module:function", as in "my_policies:check"'
        )
    return text


_WORD = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}"


def _word(value: object) -> str:
    text = text_of(value)
    if not re.fullmatch(_WORD, text):
        hint = "use at most 128 letters, digits, `.`, `_`, `-` and `:`, a letter or a digit first"
        raise fault("bad-name", f"`{text[:80]}` can be no part of an address", hint)
    return text


def _member_path(value: object) -> str:
    text = text_of(value)
    if not re.fullmatch(r"[^.\[\]\"\\]+(\[\])?(\.[^.\[\]\"\\]+(\[\])?)*(?<!\])", text):
        hint = 'write it as in "logprobs" or "messages[].name"'
        raise fault("bad-path", f"`{text[:80]}` is no path to a member of a request", hint)
    return text


def _header_name(value: object) -> str:
    text = text_of(value)
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", text):
        raise fault("bad-header", f"`{text[:40]}` is not a header's name", "use letters, digits and `-`")
    if text.lower() in _OWN_HEADERS:
        raise fault("bad-header", f"`{text}` is set by Tollway itself", "remove it")
    return text.lower()


_OWN_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"}
    | {"proxy-connection", "accept-encoding", "content-encoding", "content-type", "accept", "user-agent"}
)

_TEXT = {"type": "string"}


def _shown(kind: str, **more: object) -> WithJsonSchema:
    return WithJsonSchema({**_TEXT, "title": kind, **more})


Listen = Annotated[Address, BeforeValidator(_address), _shown("HOST:PORT", examples=["127.0.0.1:8080", "[::1]:8080"])]
"""A listen address."""

Word = Annotated[str, BeforeValidator(_word), _shown("word", pattern=f"^{_WORD}$")]
"""A name that can stand in a host and in a path: letters, digits, `.`, `_`, `-` and `:`."""

BaseUrl = Annotated[str, BeforeValidator(_base_url), _shown("URL", pattern="^https?://")]
"""An http or https URL without credentials, query or fragment; no slash at its end once validated."""

ProxyUrl = Annotated[str, BeforeValidator(_proxy), Hidden(), _shown("URL", pattern="^http://")]
"""The URL of an HTTP proxy."""

_as_text = PlainSerializer(str, return_type=str)

SecretRef = Annotated[
    Reference,
    BeforeValidator(_reference),
    Hidden(),
    _as_text,
    _shown("secret reference", examples=["env:NAME", "file:PATH"]),
]
"""A secret: a reference to where it lives, or itself."""

StoreUrl = Annotated[
    Reference,
    BeforeValidator(_service_url(check_store_url)),
    Hidden(),
    _as_text,
    _shown("URL or secret reference", examples=["sqlite:tollway.db", "env:DATABASE_URL"]),
]
"""Where the store is: `sqlite:PATH`, `postgres://…`, or a reference to such a URL."""

StateUrl = Annotated[
    Reference,
    BeforeValidator(_service_url(check_state_url)),
    Hidden(),
    _as_text,
    _shown("URL or secret reference", examples=["memory:", "env:REDIS_URL"]),
]
"""Where shared state is: `memory:`, `redis://…`, or a reference to such a URL."""

WebhookUrl = Annotated[
    Reference,
    BeforeValidator(_service_url(check_webhook_url)),
    Hidden(),
    _as_text,
    _shown("URL or secret reference", examples=["https://hooks.example.com/tollway", "env:WEBHOOK_URL"]),
]
"""Where alerts are posted: a URL, which may be a secret, or a reference to one."""

CallbackUrl = Annotated[
    str, BeforeValidator(_callback_url), _shown("URL", pattern="^https?://", examples=["https://hooks.example.com/"])
]
"""A URL below which answers of jobs may be posted: without credentials, query or fragment."""

Moment = Annotated[
    int, BeforeValidator(moment), WithJsonSchema({"type": "string", "examples": ["2027-01-31T12:00:00Z"]})
]
"""A moment; Unix seconds once validated."""

Dollars = Annotated[
    int,
    BeforeValidator(_nano_dollars),
    PlainSerializer(_in_dollars, return_type=int | float),
    WithJsonSchema({"type": "number", "minimum": 0}),
]
"""US dollars; nano-dollars once validated, and dollars again where they are written."""

Call = Annotated[str, BeforeValidator(_call), _shown("module:function", examples=["my_policies:check"])]
"""A Python function of the operator's: `module:function`."""

MemberPath = Annotated[str, BeforeValidator(_member_path)]
"""A member of a request's body: `logprobs`, or `messages[].name`, which is one of each item."""

HeaderName = Annotated[str, BeforeValidator(_header_name)]
"""A header's name, in lower case once validated."""

FilePath = Annotated[str, StringConstraints(min_length=1), _shown("path")]
"""A file; a relative path starts at the configuration's folder."""
