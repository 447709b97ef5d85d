"""A gateway whose provider takes fetched credentials: each kind, refreshed, through outages, and never shown."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import StartGateway
from tests.operations.processes import control_plane
from tests.support import entra as entra_of
from tests.support.aws_identity import AwsIdentity
from tests.support.entra import Entra
from tests.support.gateway import RunningGateway, minimal
from tests.support.google import Google
from tests.support.issuer import Asked, Issuer
from tests.support.oauth import API_KEY, CLIENT, SECRET, Tokens
from tests.support.reply import answer, error
from tests.support.sources import Auth
from tests.support.upstream import Received, ScriptedUpstream
from tests.support.waiting import eventually

FETCHED = 60.0
"""Seconds that a first fetch may take on a busy machine: a library is imported for it."""

Kind = Callable[[pytest.FixtureRequest], tuple[Issuer, Auth, Callable[[Received], bool]]]


def _headers(received: Received) -> dict[str, str]:
    return dict(received.headers)


def _aws(request: pytest.FixtureRequest) -> tuple[Issuer, Auth, Callable[[Received], bool]]:
    issuer: AwsIdentity = request.getfixturevalue("aws")

    def accepts(received: Received) -> bool:
        path = received.target
        return not issuer.unsigned(Asked("POST", path, {}, _headers(received), received.body), "bedrock")

    return issuer, {"type": "aws", "region": "us-east-1"}, accepts


def _google(request: pytest.FixtureRequest) -> tuple[Issuer, Auth, Callable[[Received], bool]]:
    issuer: Google = request.getfixturevalue("google")
    file = request.getfixturevalue("folder") / "account.json"
    file.write_text(json.dumps(issuer.service_account()))
    file.chmod(0o600)
    return issuer, {"type": "google", "file": str(file)}, lambda received: issuer.verify(_headers(received))


def _google_metadata(request: pytest.FixtureRequest) -> tuple[Issuer, Auth, Callable[[Received], bool]]:
    issuer: Google = request.getfixturevalue("google")
    request.getfixturevalue("monkeypatch").setenv("GCE_METADATA_HOST", f"127.0.0.1:{issuer.port}")
    return issuer, {"type": "google"}, lambda received: issuer.verify(_headers(received))


def _azure(request: pytest.FixtureRequest) -> tuple[Issuer, Auth, Callable[[Received], bool]]:
    issuer: Entra = request.getfixturevalue("entra")
    request.getfixturevalue("monkeypatch").setenv("TEST_SECRET", entra_of.SECRET)
    known = {"tenant_id": entra_of.TENANT, "client_id": entra_of.CLIENT, "authority": issuer.url}
    auth = {"type": "azure", "client_secret": "env:TEST_SECRET", **known}
    return issuer, auth, lambda received: bool(issuer.verify(_headers(received)))


def _managed(request: pytest.FixtureRequest) -> tuple[Issuer, Auth, Callable[[Received], bool]]:
    issuer: Entra = request.getfixturevalue("instance")
    return issuer, {"type": "azure"}, lambda received: bool(issuer.verify(_headers(received)))


def _oauth(request: pytest.FixtureRequest) -> tuple[Issuer, Auth, Callable[[Received], bool]]:
    issuer: Tokens = request.getfixturevalue("tokens")
    patch = request.getfixturevalue("monkeypatch")
    patch.setenv("TEST_CLIENT", CLIENT)
    patch.setenv("TEST_SECRET", SECRET)
    known = {"client_id": "env:TEST_CLIENT", "client_secret": "env:TEST_SECRET"}
    auth = {"type": "oauth", "token_url": f"{issuer.url}/token", "scope": "all-apis", **known}
    return issuer, auth, lambda received: issuer.verify(_headers(received))


def _ibm(request: pytest.FixtureRequest) -> tuple[Issuer, Auth, Callable[[Received], bool]]:
    issuer: Tokens = request.getfixturevalue("tokens")
    request.getfixturevalue("monkeypatch").setenv("TEST_IBM", API_KEY)
    auth = {"type": "ibm", "api_key": "env:TEST_IBM", "url": issuer.url}
    return issuer, auth, lambda received: issuer.verify(_headers(received))


KINDS = {
    "aws": _aws,
    "google": _google,
    "google-metadata": _google_metadata,
    "azure": _azure,
    "azure-managed": _managed,
    "oauth": _oauth,
    "ibm": _ibm,
}


def guarded(upstream: ScriptedUpstream, accepts: Callable[[Received], bool]) -> None:
    """Let the upstream refuse whoever has no credential that is valid now."""

    def script(received: Received) -> Any:  # noqa: ANN401 - the name of its type is the module's own
        try:
            good = accepts(received)
        # Whatever is wrong with it: it is not accepted.
        except Exception:  # noqa: BLE001
            good = False
        return answer() if good else error(401, "unknown credential")

    upstream.otherwise = script


def configured(upstream: ScriptedUpstream, auth: Auth) -> str:
    text = minimal(upstream.url, provider={"auth": auth})
    return "\n".join(line for line in text.splitlines() if "TEST_UPSTREAM_KEY" not in line)


def serves(gateway: RunningGateway) -> None:
    eventually(lambda: gateway.chat().status == 200, "the credential has arrived, and is accepted", FETCHED)


def ready(gateway: RunningGateway) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{gateway.url}/health/ready", timeout=30, trust_env=False).json()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_reaches_its_provider(
    kind: str, request: pytest.FixtureRequest, start_gateway: StartGateway, upstream: ScriptedUpstream
) -> None:
    issuer, auth, accepts = KINDS[kind](request)
    guarded(upstream, accepts)
    gateway = start_gateway(configured(upstream, auth))
    serves(gateway)
    assert all(gateway.chat().status == 200 for _ in range(3))
    assert "credentials" not in ready(gateway).get("degraded", [])
    assert len(issuer.issued) == 1, "no request fetched one"
    _leaks_nothing(gateway, issuer)


def _leaks_nothing(gateway: RunningGateway, issuer: Issuer) -> None:
    """Neither what was given nor what was fetched is in a log, a file, a page, or in what others see of a process."""
    child = Path(f"/proc/{control_plane(gateway.pid)}")
    shown = [gateway.log, child.joinpath("environ").read_text(), child.joinpath("cmdline").read_text()]
    shown += [gateway.admin.get(path).text for path in ("/metrics", "/admin/v1/health")]
    shown += [file.read_bytes().decode("latin-1") for file in gateway.folder.rglob("*") if file.is_file()]
    for secret in (entra_of.SECRET, SECRET, API_KEY, "PRIVATE KEY", *issuer.issued):
        assert not any(secret in text for text in shown), secret


def test_it_is_refreshed_ahead_of_its_end(
    request: pytest.FixtureRequest, start_gateway: StartGateway, upstream: ScriptedUpstream
) -> None:
    issuer, auth, accepts = _oauth(request)
    issuer.lifetime = 24
    guarded(upstream, accepts)
    gateway = start_gateway(configured(upstream, auth))
    serves(gateway)
    first = issuer.issued[-1]

    def moved_on() -> bool:
        assert gateway.chat().status == 200, "the old one serves until there is a new one"
        return f"Bearer {first}" != dict(upstream.requests[-1].headers)["authorization"]

    eventually(moved_on, "requests go out with a new one", FETCHED)


def test_an_outage_of_the_issuer_harms_nothing_that_is_valid(
    request: pytest.FixtureRequest, start_gateway: StartGateway, upstream: ScriptedUpstream
) -> None:
    issuer, auth, accepts = _oauth(request)
    guarded(upstream, accepts)
    gateway = start_gateway(configured(upstream, auth))
    serves(gateway)
    issuer.down = True
    killed = control_plane(gateway.pid)
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: "credentials.failing" in gateway.log, "the next child tries in vain", FETCHED)
    assert control_plane(gateway.pid) != killed
    assert gateway.chat().status == 200, "the slot keeps what it has"
    assert "answers 503: temporarily_unavailable" in gateway.log
    issuer.down = False
    eventually(lambda: "credentials.back" in gateway.log, "it is fetched again", FETCHED)
    assert gateway.chat().status == 200
    _leaks_nothing(gateway, issuer)


def test_one_slow_issuer_holds_no_other(
    request: pytest.FixtureRequest, start_gateway: StartGateway, upstream: ScriptedUpstream
) -> None:
    issuer, auth, accepts = _oauth(request)
    guarded(upstream, accepts)
    with Tokens() as slow:
        slow.gate.clear()
        text = configured(upstream, auth)
        other = {"type": "openai", "base_url": f"{upstream.url}/v1", "auth": {**auth, "token_url": f"{slow.url}/token"}}
        document = minimal(upstream.url, provider={"auth": auth}, providers={"slow": other})
        text = "\n".join(line for line in document.splitlines() if "TEST_UPSTREAM_KEY" not in line)
        gateway = start_gateway(text)
        serves(gateway)
        assert len(slow.asked) >= 1
        assert slow.issued == []
        assert "credentials" in ready(gateway)["degraded"]
    assert issuer.issued


def test_a_wrong_secret_is_named_and_not_shown(
    request: pytest.FixtureRequest, start_gateway: StartGateway, upstream: ScriptedUpstream
) -> None:
    issuer, auth, accepts = _oauth(request)
    guarded(upstream, accepts)
    gateway = start_gateway(configured(upstream, auth), TEST_SECRET="canary-wrong-secret")
    eventually(lambda: "credentials.failing" in gateway.log, "the fetch fails", FETCHED)
    eventually(lambda: b"invalid_client" in gateway.chat().body, "callers are told", FETCHED)
    refused = gateway.chat()
    assert refused.status == 502
    assert b"upstream_credentials" in refused.body
    assert "credentials" in ready(gateway)["degraded"]
    assert not upstream.requests
    shown = gateway.log + refused.body.decode()
    assert "canary-wrong-secret" not in shown
    assert issuer.issued == []


def test_a_reload_brings_a_new_source(
    request: pytest.FixtureRequest, start_gateway: StartGateway, upstream: ScriptedUpstream
) -> None:
    issuer, auth, accepts = _oauth(request)
    guarded(upstream, accepts)
    gateway = start_gateway(configured(upstream, {**auth, "scope": "wrong"}))
    eventually(lambda: "credentials.failing" in gateway.log, "the fetch fails", FETCHED)
    gateway.reload(configured(upstream, auth))
    serves(gateway)
    before = len(issuer.issued)
    gateway.reload(configured(upstream, auth) + "\n# nothing new\n")
    assert gateway.chat().status == 200
    assert len(issuer.issued) == before, "what stays the same is not fetched again"


@pytest.mark.parametrize("kind", KINDS)
def test_doctor_fetches_once_and_says_how_it_is(
    kind: str, request: pytest.FixtureRequest, folder: Path, upstream: ScriptedUpstream
) -> None:
    issuer, auth, _ = KINDS[kind](request)
    (folder / "tollway.toml").write_text(configured(upstream, auth))
    assert _doctor(folder) == ("ok", f"{auth['type']}: expires in 60 min", None)
    assert len(issuer.issued) == 1
    issuer.down = True
    state, said, todo = _doctor(folder)
    assert state == "fail"
    assert said.startswith(f"{auth['type']}: ")
    assert todo


def _doctor(folder: Path) -> tuple[str, str, str | None]:
    command = [str(Path(sys.executable).parent / "tollway"), "doctor", "--json", "--config", "tollway.toml"]
    variables = {name: f"canary-{name}-1" for name in ("TEST_KEY", "TEST_ADMIN_TOKEN", "TEST_SERVER_SECRET")}
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    [found] = [one for one in json.loads(done.stdout)["checks"] if one["name"] == "credentials of up"]
    assert done.stderr == ""
    return found["state"], found["said"], found["todo"]
