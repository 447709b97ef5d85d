"""Tokens of OAuth's client credentials and of IBM Cloud: good, wrong, missing; and what holds for every kind."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import jwt
import pytest

from tests.support.oauth import API_KEY, CLIENT, SECRET, Tokens
from tests.support.sources import Auth, codes, mistakes, refusal, settings_of, source_of, write
from tollway.credentials.fetch import fetch
from tollway.credentials.settings import Source
from tollway.credentials.value import FetchError, Value


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"C": CLIENT, "S": SECRET, "K": API_KEY}.items():
        monkeypatch.setenv(name, value)


def oauth(tokens: Tokens, path: str = "/token", **changed: str) -> Auth:
    return {
        "type": "oauth",
        "token_url": f"{tokens.url}{path}",
        "client_id": "env:C",
        "client_secret": "env:S",
        **changed,
    }


def accepted(value: Value, issuer: Tokens) -> bool:
    assert value.expires is not None
    assert abs(value.expires - time.time() - issuer.lifetime) < 120
    return issuer.verify({"authorization": f"Bearer {value.bearer}"})


@pytest.mark.parametrize("client_auth", ["basic", "body"])
def test_client_credentials(folder: Path, tokens: Tokens, client_auth: str) -> None:
    file = write(folder, oauth(tokens, scope="all-apis", client_auth=client_auth))
    assert accepted(fetch(source_of(file)), tokens)
    [asked] = tokens.asked
    assert ("authorization" in asked.headers) == (client_auth == "basic")
    assert asked.form["scope"] == "all-apis"


def test_wrong_secret_is_not_told(folder: Path, tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S", "canary-wrong-secret")
    why = refusal(write(folder, oauth(tokens)))
    assert "answers 401: invalid_client: no client with the secret ********" in why
    assert "check `client_id`, `client_secret` and `scope`" in why


def test_ibm(folder: Path, tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(folder, {"type": "ibm", "api_key": "env:K", "url": tokens.url})
    assert accepted(fetch(source_of(file)), tokens)
    monkeypatch.setenv("K", "canary-other")
    assert "answers 400: BXNIM0415E: Provided API key could not be found." in refusal(file)


def test_no_redirect_is_followed(folder: Path, tokens: Tokens) -> None:
    assert "answers 307" in refusal(write(folder, oauth(tokens, "/moved")))
    assert [one.path for one in tokens.asked] == ["/moved"]


def test_what_no_header_can_carry(folder: Path, tokens: Tokens) -> None:
    assert "no token that a header can carry" in refusal(write(folder, oauth(tokens, "/nothing")))


def test_nobody_there(folder: Path, tokens: Tokens) -> None:
    tokens.__exit__(None, None, None)
    assert "127.0.0.1 cannot be reached: Connection refused" in refusal(write(folder, oauth(tokens)))


def test_both_are_given(folder: Path, tokens: Tokens) -> None:
    assert codes(write(folder, oauth(tokens), api_key="env:K")) == [("error", "conflicting-keys")]


def test_an_unknown_kind_is_named(folder: Path) -> None:
    why = mistakes(write(folder, {"type": "asure"}))
    assert "unknown type `asure` of `auth`" in why
    assert 'did you mean "azure"?' in why
    assert "one of: aws, google, azure, ibm, oauth" in mistakes(write(folder, {"region": "x"}))
    assert "lacks the key `client_secret`" in mistakes(
        write(folder, {"type": "oauth", "token_url": "https://a.example", "client_id": "x"})
    )


def test_clear_text_is_warned_of(folder: Path) -> None:
    auth = {"type": "ibm", "api_key": "env:K", "url": "http://iam.example.com"}
    assert codes(write(folder, auth)) == [("warning", "clear-text")]


def test_expired_api_key_is_warned_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "canary" * 6
    monkeypatch.setenv("T", jwt.encode({"exp": int(time.time()) - 60}, key))
    assert codes(write(folder, None, api_key="env:T")) == [("warning", "expired-credential")]
    monkeypatch.setenv("T", jwt.encode({"exp": int(time.time()) + 600}, key))
    assert codes(write(folder, None, api_key="env:T")) == []


@pytest.mark.parametrize("kind", ["aws", "google", "azure"])
def test_missing_extra(folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    auth = {"type": kind, **({"region": "us-east-1"} if kind == "aws" else {})}
    file = write(folder, auth)
    source = source_of(file)
    monkeypatch.setattr("tollway.config.check_auth.find_spec", lambda _: None)
    why = mistakes(file)
    assert "error[missing-extra]" in why
    assert f"pip install 'tollway[{kind}]'" in why
    # Also where it was taken away since.
    monkeypatch.setitem(sys.modules, f"tollway.credentials.{kind}", None)
    with pytest.raises(FetchError, match=r"is not installed: pip install"):
        fetch(source)


def test_the_same_settings_are_one_source(folder: Path, tokens: Tokens) -> None:
    file = write(folder, oauth(tokens))
    first = source_of(file)
    text = file.read_text()
    other = text.replace('["providers"]', "").replace('"cloud"', '"other"')
    file.write_text(text + other)
    [source] = settings_of(file).sources
    assert (source.id, source.providers) == (first.id, ("cloud", "other"))
    file.write_text(text + other.replace("env:C", "env:K"))
    assert len({one.id for one in settings_of(file).sources}) == 2


def test_nothing_is_shown(folder: Path, tokens: Tokens) -> None:
    source = source_of(write(folder, oauth(tokens)))
    assert isinstance(source, Source)
    assert SECRET not in repr(source)
    assert str(fetch(source).bearer) not in repr(fetch(source))
