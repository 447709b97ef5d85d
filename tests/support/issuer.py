"""What the emulated issuers of credentials share: an HTTP server on loopback that can be down, and that remembers."""

from __future__ import annotations

import json
import ssl
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass(frozen=True)
class Asked:
    """One request: names of headers are in lower case; `form` is its body, where that is one, each field once."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The body's fields."""
        return single(self.body.decode())

    def json(self) -> dict[str, str]:
        """The body, parsed."""
        found: dict[str, str] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Said:
    """One answer: a text or bytes as they are, anything else as JSON."""

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()


def single(query: str) -> dict[str, str]:
    """The fields of a form or query, none of which may be there twice."""
    fields = parse_qs(query, keep_blank_values=True)
    assert all(len(values) == 1 for values in fields.values()), query
    return {name: values[0] for name, values in fields.items()}


class Issuer:
    """Answers by `answer`, which a kind of issuer defines; a context manager.

    While `down`, it answers 503 to everything. While `gate` is not set, no answer goes out. `lifetime` is how long, in
    seconds, what it hands out is good for.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, *, lifetime: float = 3600) -> None:
        self.lifetime = lifetime
        self.down = False
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[Asked] = []
        self.issued: list[str] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                url = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, url.path, single(url.query), headers, self.rfile.read(length))
                issuer.asked.append(asked)
                issuer.gate.wait()
                said = Said(503, {"error": "temporarily_unavailable"}) if issuer.down else issuer.answer(asked)
                text = said.body if isinstance(said.body, str | bytes) else json.dumps(said.body)
                body = text.encode() if isinstance(text, str) else text
                self.send_response(said.status)
                kinds = [name for name, _ in said.headers]
                if "content-type" not in kinds:
                    self.send_header("content-type", "application/json")
                for name, value in said.headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = _serve  # noqa: N815 - the library's names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self.port}" if tls else f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, asked: Asked) -> Said:
        """What is answered to it."""
        raise NotImplementedError(asked.path)

    def at(self, path: str) -> list[Asked]:
        """The requests for this path."""
        return [one for one in self.asked if one.path == path]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()


class KeyPair:
    """A new RSA key, as PEM; `sign` and `verify` are RS256 of JWT."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        encoding, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
        self.private_pem = self.key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_password).decode()
        self.public_pem = (
            self.key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        )

    def sign(self, claims: dict[str, Any]) -> str:
        """A token that holds `claims`."""
        return jwt.encode(claims, self.private_pem, algorithm="RS256")

    def verify(self, token: str, audience: str, issuer: str | None = None) -> dict[str, Any]:
        """What a token holds. Raises `jwt.InvalidTokenError`, also for one that has expired."""
        claims: dict[str, Any] = jwt.decode(
            token, self.public_pem, algorithms=["RS256"], audience=audience, issuer=issuer
        )
        return claims


def bearer_of(headers: dict[str, str]) -> str:
    """The token of an `authorization` header; empty where there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""
