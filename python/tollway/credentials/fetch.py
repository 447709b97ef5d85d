"""One fetch of a credential, whatever its kind."""

from __future__ import annotations

import importlib
import logging
import os
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tollway.credentials.value import FetchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tollway.credentials.settings import Kind, Source
    from tollway.credentials.value import Value

LIBRARIES: dict[Kind, str] = {"aws": "botocore", "google": "google.auth", "azure": "azure.identity"}
"""What a kind needs beyond the standard library; the extra of the same name brings it."""

LONGEST_REASON = 400
"""Characters of an error that are told."""

_TOKEN = re.compile(r"eyJ[\w-]+\.[\w.-]+|(?<=[?&])[^\s=&]*=[^\s&]+")
"""A JWT, or a parameter of a URL's query."""

_LOCK = threading.Lock()


def fetch(source: Source) -> Value:
    """A new credential. Takes as long as the network does. Raises `FetchError` for whatever goes wrong."""
    try:
        with _importing():
            module = importlib.import_module(f"tollway.credentials.{source.kind}")
    except ImportError:
        library = LIBRARIES.get(source.kind, "")
        raise FetchError(f"{library} is not installed", f"pip install 'tollway[{source.kind}]'") from None
    try:
        value: Value = module.fetch(source.given)
    except FetchError as error:
        raise FetchError(_clean(error.why, source), error.todo) from None
    # A library's own fault must not end the source's refreshing; its text is no promise, so only its type is told.
    except Exception as error:  # noqa: BLE001
        raise FetchError(f"{type(error).__name__} in the library", "report it, with the gateway's version") from None
    return value


def prepare(variables: dict[str, str]) -> None:
    """Let libraries of this process see the variables, and hear nothing of them in its log: errors are told by us.

    The environment that others can read (`/proc/PID/environ`) stays as it was at the start.
    """
    for library in ("azure", "botocore", "google", "msal", "urllib3"):
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    for name, value in variables.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


@contextmanager
def _importing() -> Iterator[None]:
    """One at a time: libraries of several clouds share others, whose import two threads must not begin at once."""
    with _LOCK:
        yield


def _clean(text: str, source: Source) -> str:
    """`text` on one line, without anything that may be secret, and not too long."""
    for name, value in source.given.items():
        if isinstance(value, str) and len(value) >= 4 and name in SECRETS:
            text = text.replace(value, "********")
    text = _TOKEN.sub("********", " ".join(text.split()))
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1]}…"


SECRETS = frozenset(("access_key_id", "secret_access_key", "session_token", "external_id", "client_secret", "api_key"))
"""The settings that are never told."""
