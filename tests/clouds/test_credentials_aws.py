"""Keys of AWS by each way of its chain: good, expired, wrong, missing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.aws_identity import CONTAINER_TOKEN, EXTERNAL_ID, ROLE, AwsIdentity
from tests.support.sources import Auth, codes, mistakes, refusal, source_of, write
from tollway.config import api as config
from tollway.credentials.fetch import fetch
from tollway.credentials.value import AwsKeys, Value

AWS = {"type": "aws", "region": "eu-central-1"}
KEY, SECRET = "AKIACANARY0000000001", "canary-aws-secret-1"


def fetched(folder: Path, auth: Auth) -> Value:
    return fetch(source_of(write(folder, auth)))


def keys(value: Value) -> AwsKeys:
    assert value.bearer is None
    assert value.aws is not None
    return value.aws


def ends_in_an_hour(value: Value) -> bool:
    return value.expires is not None and abs(value.expires - time.time() - 3600) < 120


def profile(folder: Path, text: str) -> None:
    (folder / ".aws").mkdir(exist_ok=True)
    (folder / ".aws" / "config").write_text(text)


def test_static_keys(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K", KEY)
    monkeypatch.setenv("S", SECRET)
    value = fetched(folder, AWS | {"access_key_id": "env:K", "secret_access_key": "env:S"})
    assert value == Value(None, aws=AwsKeys(KEY, SECRET))
    assert SECRET not in repr(value)


def test_variables(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    assert fetched(folder, AWS) == Value(None, aws=AwsKeys(KEY, SECRET, "session"))
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z")
    assert codes(write(folder, AWS)) == [("warning", "expired-credential")]
    assert refusal(write(folder, AWS)).startswith("the keys have expired")
    monkeypatch.delenv("AWS_CREDENTIAL_EXPIRATION")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert codes(write(folder, AWS)) == [("error", "unset-variable")]


def test_profile_of_the_shared_files(folder: Path) -> None:
    profile(
        folder, f"[profile gate]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\nregion = eu-west-3\n"
    )
    source = source_of(write(folder, {"type": "aws", "profile": "gate"}))
    assert source.given["region"] == "eu-west-3"
    assert fetch(source) == Value(None, aws=AwsKeys(KEY, SECRET))
    file = write(folder, AWS | {"profile": "gat"})
    assert "there is no AWS profile `gat`" in mistakes(file)
    assert 'did you mean "gate"?' in mistakes(file)


def test_profile_that_vanished(folder: Path) -> None:
    profile(folder, "[profile gate]\nregion = eu-west-3\n")
    source = source_of(write(folder, {"type": "aws", "profile": "gate"}))
    profile(folder, "")
    with pytest.raises(Exception, match="there is no AWS profile `gate`: check `profile`"):
        fetch(source)


def test_program_is_run_only_where_it_may(folder: Path) -> None:
    mark = folder / "ran"
    answer = f'{{"Version": 1, "AccessKeyId": "{KEY}", "SecretAccessKey": "{SECRET}"}}'
    (folder / "answer.json").write_text(answer)
    program = folder / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat {folder}/answer.json\n")
    program.chmod(0o700)
    auth = AWS | {"profile": "p"}
    profile(folder, "[profile p]\nregion = eu-west-3\n")
    source = source_of(write(folder, auth))
    profile(folder, f"[profile p]\ncredential_process = {program}\n")
    assert "names a program to run for keys" in mistakes(write(folder, auth))
    # Also where the file changes after the check.
    with pytest.raises(Exception, match="no part of the AWS chain has credentials"):
        fetch(source)
    assert not mark.exists()
    assert keys(fetched(folder, auth | {"credential_process": True})).access_key_id == KEY
    assert mark.exists()


def test_instance_metadata(folder: Path, aws: AwsIdentity) -> None:
    value = fetched(folder, AWS)
    assert keys(value).access_key_id == "ASIAIMDS0"
    assert keys(value).session_token == "canary-imds-session-0"
    assert ends_in_an_hour(value)
    assert [one.method for one in aws.at("/latest/api/token")] == ["PUT"], "IMDSv2, never without a token"
    assert keys(fetched(folder, AWS)).access_key_id == "ASIAIMDS1", "each fetch asks anew"


def test_container(folder: Path, aws: AwsIdentity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.url}/container")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", CONTAINER_TOKEN)
    value = fetched(folder, AWS)
    assert keys(value).access_key_id == "ASIACONTAINER0"
    assert ends_in_an_hour(value)
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary-wrong")
    assert "canary-wrong" not in refusal(write(folder, AWS))


def test_web_identity(folder: Path, aws: AwsIdentity, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "token"
    file.write_text(aws.web_identity())
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(file))
    assert codes(write(folder, AWS)) == [("error", "unset-variable")]
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    value = fetched(folder, AWS)
    assert keys(value).access_key_id == "ASIAWEB0"
    assert ends_in_an_hour(value)
    file.write_text(aws.web_identity(exp=int(time.time()) - 10))
    assert codes(write(folder, AWS)) == [("warning", "expired-credential")]
    why = refusal(write(folder, AWS))
    assert "ExpiredTokenException" in why
    assert file.read_text() not in why
    file.unlink()
    assert codes(write(folder, AWS)) == [("error", "unreadable-file")]


def test_role(folder: Path, aws: AwsIdentity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    auth = AWS | {"role_arn": ROLE, "external_id": EXTERNAL_ID, "session_name": "gateway-1"}
    value = fetched(folder, auth)
    assert keys(value).access_key_id == "ASIAROLE0"
    assert ends_in_an_hour(value)
    [asked] = aws.asked
    assert (asked.form["RoleSessionName"], asked.form["ExternalId"]) == ("gateway-1", EXTERNAL_ID)
    assert "AccessDenied" in refusal(write(folder, auth | {"external_id": "canary-other"}))
    assert "canary-other" not in refusal(write(folder, auth | {"external_id": "canary-other"}))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-wrong-secret")
    why = refusal(write(folder, auth))
    assert "SignatureDoesNotMatch" in why
    assert "canary-wrong" not in why


def test_nothing_in_the_chain(folder: Path, aws: AwsIdentity, monkeypatch: pytest.MonkeyPatch) -> None:
    del aws
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert refusal(write(folder, AWS)).startswith("no part of the AWS chain has credentials: see docs/credentials.md")


@pytest.mark.parametrize(
    ("auth", "code"),
    [
        (AWS | {"access_key_id": "AKIA"}, "missing-setting"),
        (AWS | {"session_token": "env:T"}, "missing-setting"),
        (AWS | {"access_key_id": "env:T", "secret_access_key": "env:T", "profile": "p"}, "conflicting-keys"),
        (AWS | {"access_key_id": "env:NOT", "secret_access_key": "env:T"}, "unset-variable"),
        (AWS | {"external_id": "x"}, "no-effect"),
        ({"type": "aws"}, "no-region"),
        (AWS | {"role_arn": "gateway"}, "bad-name"),
    ],
)
def test_mistakes(folder: Path, monkeypatch: pytest.MonkeyPatch, auth: Auth, code: str) -> None:
    monkeypatch.setenv("T", "canary")
    assert code in [found for severity, found in codes(write(folder, auth)) if severity == "error"]


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://bedrock-runtime.us-east-1.amazonaws.com", "us-east-1"),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("https://vpce-1-x.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com", "ap-southeast-2"),
        ("https://bedrock.example.com", "sa-east-1"),
    ],
)
def test_region_of_the_host(folder: Path, monkeypatch: pytest.MonkeyPatch, url: str, region: str) -> None:
    monkeypatch.setenv("AWS_REGION", "sa-east-1")
    assert source_of(write(folder, {"type": "aws"}, base_url=url)).given["region"] == region


def test_bedrock_has_the_chain_where_nothing_else_is_given(folder: Path, aws: AwsIdentity) -> None:
    del aws
    file = folder / "tollway.toml"
    file.write_text('[providers.bedrock]\ntype = "bedrock"\naws_region = "ap-south-1"\n')
    source = source_of(file)
    assert (source.kind, source.given["region"], source.providers) == ("aws", "ap-south-1", ("bedrock",))
    assert keys(fetch(source)).access_key_id == "ASIAIMDS0"
    file.write_text(file.read_text() + 'api_key = "canary-bearer-key"\n')
    assert config.load(file, create_secrets=False).resolved.provider_auth == {}
