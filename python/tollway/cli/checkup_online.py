"""Whether the providers can be reached: their names, TCP and TLS. No request is sent, and no credential."""

from __future__ import annotations

import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

import orjson

if TYPE_CHECKING:
    from tollway.config.api import Built

Found: TypeAlias = tuple[str, Literal["ok", "warn", "fail"], str, str | None]

AT_ONCE = 16


def providers_reached(built: Built) -> list[Found]:
    """A check for each provider that has an address."""
    providers = [one for one in orjson.loads(built.snapshot)["providers"] if one["kind"] == "http"]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(_reached, providers))


def _reached(provider: dict[str, object]) -> Found:
    name = f"provider {provider['name']}"
    url = urlsplit(str(provider["proxy"] or provider["base_url"]))
    port = url.port or (443 if url.scheme == "https" else 80)
    place = f"{url.hostname}:{port}"
    patience = int(str(provider["connect_timeout_ms"])) / 1000
    try:
        with socket.create_connection((url.hostname or "", port), timeout=patience) as plain:
            if url.scheme == "https":
                context = ssl.create_default_context(cadata=str(provider["ca"]) if provider["ca"] else None)
                with context.wrap_socket(plain, server_hostname=url.hostname) as secured:
                    return (name, "ok", f"{place}: {secured.version()}", None)
    except ssl.SSLError as error:
        return (name, "fail", f"{place}: TLS: {error.reason or error}", "check the certificate, or set `ca`")
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        return (name, "fail", f"{place}: {said.lower()}", "check the name, the network and firewalls")
    through = " (the proxy)" if provider["proxy"] else ""
    return (name, "ok", f"{place}{through}", None)
