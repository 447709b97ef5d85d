"""What every test of the running gateway starts from."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.support.gateway import RunningGateway
from tests.support.postgres import Postgres
from tests.support.upstream import ScriptedUpstream

StartGateway = Callable[..., RunningGateway]
StartUpstream = Callable[..., ScriptedUpstream]


@pytest.fixture
def start_gateway(tmp_path: Path) -> Iterator[StartGateway]:
    """Start gateways: `start_gateway(text, under=…, **environment)`.

    Each has a folder of its own; all end with the test.
    """
    with contextlib.ExitStack() as stack:
        count = 0

        def start(
            text: str | Mapping[str, object] | None, *, under: Sequence[str] = (), **environment: str
        ) -> RunningGateway:
            nonlocal count
            count += 1
            folder = tmp_path / f"gateway-{count}"
            folder.mkdir()
            return stack.enter_context(RunningGateway(text, folder, under=under, **environment))

        yield start


@pytest.fixture
def start_upstream() -> Iterator[StartUpstream]:
    """Start scripted upstreams: `start_upstream(tls=…, http2=…, at=…)`. All end with the test."""
    with contextlib.ExitStack() as stack:

        def start(
            tls: ssl.SSLContext | None = None, *, http2: bool = False, at: tuple[str, int] = ("127.0.0.1", 0)
        ) -> ScriptedUpstream:
            return stack.enter_context(ScriptedUpstream(tls, http2=http2, at=at))

        yield start


@pytest.fixture
def upstream(start_upstream: StartUpstream) -> ScriptedUpstream:
    """A scripted upstream that speaks HTTP/1.1."""
    return start_upstream()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """Started once; each test makes its tables anew."""
    with Postgres() as server:
        yield server


@pytest.fixture
def postgres(postgres_server: Postgres) -> Postgres:
    """An empty database that answers."""
    postgres_server.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return postgres_server


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the tests' own."""

    pem: Path
    cert: Path
    key: Path
    root: trustme.CA

    def server(self, *protocols: str) -> ssl.SSLContext:
        """A server's side for `localhost`, which offers these protocols by ALPN."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context

    def client(self, *protocols: str) -> ssl.SSLContext:
        """A client's side that trusts this authority."""
        context = ssl.create_default_context(cafile=self.pem)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority, with a certificate for `localhost` and 127.0.0.1."""
    folder = tmp_path_factory.mktemp("authority")
    root = trustme.CA()
    issued = root.issue_cert("localhost", "127.0.0.1")
    made = Authority(folder / "ca.pem", folder / "cert.pem", folder / "key.pem", root)
    root.cert_pem.write_to_path(made.pem)
    for part in issued.cert_chain_pems:
        part.write_to_path(made.cert, append=True)
    issued.private_key_pem.write_to_path(made.key)
    made.key.chmod(0o600)
    return made
