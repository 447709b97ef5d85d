"""Tokens of Google Cloud by each way: good, expired, wrong, missing."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.google import OTHER, Google
from tests.support.issuer import KeyPair
from tests.support.sources import codes, mistakes, refusal, source_of, write
from tollway.credentials.fetch import fetch
from tollway.credentials.value import Value

FILE = {"type": "google", "file": "account.json"}


def put(folder: Path, content: object, name: str = "account.json") -> Path:
    file = folder / name
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    file.chmod(0o600)
    return file


def accepted(value: Value, issuer: Google) -> bool:
    assert value.aws is None
    assert value.expires is not None
    assert abs(value.expires - time.time() - issuer.lifetime) < 120
    return issuer.verify({"authorization": f"Bearer {value.bearer}"})


def test_service_account(folder: Path, google: Google) -> None:
    put(folder, google.service_account())
    file = write(folder, FILE)
    assert accepted(fetch(source_of(file)), google)
    put(folder, google.service_account(private_key=KeyPair().private_pem))
    why = refusal(file)
    assert "invalid_grant: Invalid JWT Signature." in why
    assert "PRIVATE" not in why
    google.down = True
    assert "check the file" in refusal(file)


def test_default_credentials(folder: Path, google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(folder, {"type": "google"})
    assert accepted(fetch(source_of(file)), google)
    assert google.at("/token") == [], "the metadata server"
    well_known = folder / ".config" / "gcloud"
    well_known.mkdir(parents=True)
    put(well_known, google.service_account(), "application_default_credentials.json")
    assert accepted(fetch(source_of(file)), google)
    assert len(google.at("/token")) == 1, "gcloud's own"
    put(folder, google.service_account(token_uri=f"{google.url}/moved"))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(folder / "account.json"))
    refusal(file)
    assert len(google.at("/moved")) == 1, "what the variable names"
    (folder / "account.json").unlink()
    assert codes(file) == [("error", "unreadable-file")]


def test_no_machine_with_metadata(folder: Path, google: Google) -> None:
    google.metadata = False
    assert "check the file" in refusal(write(folder, {"type": "google"}))


def test_workload_identity_of_a_file(folder: Path, google: Google) -> None:
    token = put(folder, google.federated_token(), "token")
    put(folder, google.workload(file=str(token)))
    file = write(folder, FILE)
    assert accepted(fetch(source_of(file)), google)
    put(folder, google.federated_token(exp=int(time.time()) - 10), "token")
    assert codes(file) == [("warning", "expired-credential")]
    why = refusal(file)
    assert "invalid_grant" in why
    assert token.read_text() not in why
    token.unlink()
    assert codes(file) == [("error", "unreadable-file")]


def test_workload_identity_of_a_url(folder: Path, google: Google) -> None:
    format_ = {"type": "json", "subject_token_field_name": "token"}
    put(folder, google.workload(url=f"{google.url}/subject", format=format_))
    assert accepted(fetch(source_of(write(folder, FILE))), google)


def test_no_program_is_run(folder: Path, google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1")
    put(folder, google.service_account())
    file = write(folder, FILE)
    source = source_of(file)
    put(folder, google.workload(executable={"command": f"/usr/bin/touch {folder}/ran"}))
    assert "names a program to run, which is not allowed" in mistakes(file)
    with pytest.raises(Exception, match="names a program to run"):
        fetch(source)
    assert not (folder / "ran").exists()


def test_impersonation(folder: Path, google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    account = google.service_account()
    put(folder, account)
    file = write(folder, FILE | {"impersonate": OTHER})
    # The library has no setting for where this is, but for a whole universe.
    endpoint = f"{google.url}/v1/projects/-/serviceAccounts/{{}}:generateAccessToken"
    monkeypatch.setattr("google.auth.iam._IAM_ENDPOINT", endpoint)
    assert accepted(fetch(source_of(file)), google)
    assert len(google.asked) == 2


def test_another_key_in_the_file_is_the_same_source_told_anew(folder: Path, google: Google) -> None:
    put(folder, google.service_account())
    os.utime(folder / "account.json", (1, 1))
    file = write(folder, FILE)
    before = source_of(file)
    assert source_of(file) == before
    put(folder, google.service_account(private_key=KeyPair().private_pem))
    now = source_of(file)
    assert now.id == before.id
    assert now != before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"type": "service"}, "the `type` of"),
        ({"private_key": None}, "lacks `private_key`"),
        ({"private_key": "canary", "client_email": None}, "lacks `client_email`"),
        ({"private_key": "canary"}, "is no PEM key"),
    ],
)
def test_bad_file(folder: Path, google: Google, changed: dict[str, Any], said: str) -> None:
    put(folder, google.service_account(**changed))
    why = mistakes(write(folder, FILE))
    assert "error[bad-credentials-file]" in why
    assert said in why
    assert "canary" not in why


@pytest.mark.parametrize(
    ("content", "code"), [("{", "bad-credentials-file"), ("[]", "bad-credentials-file"), (None, "unreadable-file")]
)
def test_no_file(folder: Path, content: str | None, code: str) -> None:
    if content is not None:
        put(folder, content)
    assert codes(write(folder, FILE)) == [("error", code)]


def test_file_that_others_may_read(folder: Path, google: Google) -> None:
    put(folder, google.service_account()).chmod(0o644)
    assert codes(write(folder, FILE)) == [("warning", "readable-secret")]
