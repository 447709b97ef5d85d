"""What the tests of credentials share: a folder without any, and the emulated issuers."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.support.aws_identity import AwsIdentity
from tests.support.entra import Entra
from tests.support.google import Google
from tests.support.oauth import Tokens
from tests.support.sources import alone


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the home too; no variable of a cloud is set."""
    alone(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def aws(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsIdentity]:
    """AWS's issuers; the libraries are led to STS and the metadata, where no keys are yet asked for."""
    del folder
    with AwsIdentity() as issuer:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", issuer.url)
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", issuer.url)
        yield issuer


@pytest.fixture
def google(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    """Google's issuers; the libraries are led to the metadata."""
    del folder
    with Google() as issuer:
        # google-auth reads the variable when it is imported.
        monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", f"127.0.0.1:{issuer.port}")
        monkeypatch.setattr("google.auth._exponential_backoff.time.sleep", lambda _: None)
        yield issuer


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Who vouches for Entra's address, and for the application's certificate."""
    return trustme.CA()


@pytest.fixture
def entra(folder: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[Entra]:
    """Entra over TLS; the libraries trust its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder / "ca.pem"))
    leaf = authority.issue_cert("gateway.example", key_type=trustme.KeyType.RSA)
    certificate = leaf.cert_chain_pems[0].bytes().decode()
    (folder / "client.pem").write_bytes(leaf.private_key_and_cert_chain_pem.bytes())
    (folder / "client.pem").chmod(0o600)
    with Entra(context, certificate=certificate) as issuer:
        yield issuer


@pytest.fixture
def instance(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Entra]:
    """The metadata of a machine that has a managed identity."""
    del folder
    with Entra() as issuer:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", issuer.url)
        yield issuer


@pytest.fixture
def tokens(folder: Path) -> Iterator[Tokens]:
    """Endpoints of OAuth and IBM."""
    del folder
    with Tokens() as issuer:
        yield issuer
