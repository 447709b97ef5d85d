"""Tokens of Microsoft Entra by each way: good, expired, wrong, missing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.entra import CLIENT, SECRET, TENANT, Entra
from tests.support.sources import Auth, codes, refusal, source_of, write
from tollway.credentials.fetch import fetch
from tollway.credentials.value import Value

AZURE = {"type": "azure", "tenant_id": TENANT, "client_id": CLIENT}


def accepted(value: Value, issuer: Entra) -> bool:
    assert value.aws is None
    assert value.expires is not None
    assert abs(value.expires - time.time() - issuer.lifetime) < 120
    return bool(issuer.verify({"authorization": f"Bearer {value.bearer}"}))


def test_client_secret(folder: Path, entra: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S", SECRET)
    file = write(folder, AZURE | {"authority": entra.url, "client_secret": "env:S"})
    assert accepted(fetch(source_of(file)), entra)
    monkeypatch.setenv("S", "canary-wrong-1")
    why = refusal(file)
    assert "AADSTS7000215" in why
    assert "check `tenant_id`, `client_id` and `client_secret`" in why
    assert "canary-wrong" not in why
    entra.down = True
    assert "check" in refusal(file)


def test_certificate(folder: Path, entra: Entra) -> None:
    file = write(folder, AZURE | {"authority": entra.url, "certificate": "client.pem"})
    assert accepted(fetch(source_of(file)), entra)
    text = (folder / "client.pem").read_text()
    key, _, certificate = text.partition("-----BEGIN CERTIFICATE-----")
    (folder / "client.pem").write_text(key)
    assert codes(file) == [("error", "bad-pem")]
    (folder / "client.pem").write_text(f"-----BEGIN CERTIFICATE-----{certificate}")
    assert codes(file) == [("error", "bad-pem")]
    (folder / "client.pem").unlink()
    assert ("error", "unreadable-file") in codes(file)


def test_workload_identity(folder: Path, entra: Entra) -> None:
    token = folder / "token"
    token.write_text(entra.federated_token())
    file = write(folder, AZURE | {"authority": entra.url, "token_file": "token"})
    assert accepted(fetch(source_of(file)), entra)
    token.write_text(entra.federated_token(exp=int(time.time()) - 10))
    assert codes(file) == [("warning", "expired-credential")]
    why = refusal(file)
    assert "AADSTS700024" in why
    assert token.read_text() not in why
    source = source_of(file)
    token.unlink()
    assert codes(file) == [("error", "unreadable-file")]
    with pytest.raises(Exception, match="check the federated credential"):
        fetch(source)


def test_workload_identity_of_the_variables(folder: Path, entra: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "token").write_text(entra.federated_token())
    variables = {"TENANT_ID": TENANT, "CLIENT_ID": CLIENT, "AUTHORITY_HOST": entra.url}
    for name, value in {**variables, "FEDERATED_TOKEN_FILE": str(folder / "token")}.items():
        monkeypatch.setenv(f"AZURE_{name}", value)
    assert accepted(fetch(source_of(write(folder, {"type": "azure"}))), entra)


def test_managed_identity(folder: Path, instance: Entra) -> None:
    file = write(folder, {"type": "azure"})
    assert accepted(fetch(source_of(file)), instance)
    instance.managed = False
    assert "assign a managed identity to this machine" in refusal(file)


@pytest.mark.parametrize(
    ("auth", "code"),
    [
        ({"type": "azure", "client_secret": "env:T"}, "missing-setting"),
        (AZURE | {"client_secret": "env:T", "token_file": "token"}, "conflicting-keys"),
        (AZURE | {"client_secret": "env:NOT"}, "unset-variable"),
        (AZURE | {"client_secret": "env:T", "authority": "http://login.example.com"}, "bad-url"),
    ],
)
def test_mistakes(folder: Path, monkeypatch: pytest.MonkeyPatch, auth: Auth, code: str) -> None:
    monkeypatch.setenv("T", "canary")
    assert code in [found for severity, found in codes(write(folder, auth)) if severity == "error"]
