"""One route over three clouds, Azure, Bedrock and Vertex, each with its own way to prove who asks.

Whichever of them serves, the stock clients of OpenAI, Anthropic and Google hear the same stream.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.callers import CALLERS
from tests.clouds.test_bedrock import AUTH, ENVIRONMENT, KEYS
from tests.conftest import StartGateway
from tests.records.looking import record_of
from tests.support import entra as entra_of
from tests.support.aws import CLAUDE, BedrockServer, Fault
from tests.support.entra import Entra
from tests.support.gateway import RunningGateway, minimal
from tests.support.google import Google
from tests.support.reply import AnyReply, Reply, chunk, cut, data, error, stream
from tests.support.spoken import SPOKEN, TEXT, asking
from tests.support.upstream import Received, ScriptedUpstream
from tests.support.waiting import eventually
from tests.support.wire import Answer, ask, request

ORDER = ("azure", "bedrock", "vertex")
SPEAKERS = ("chat", "anthropic", "gemini")

FETCHED = 60.0
"""Seconds that the first credentials may take on a busy machine."""

Accepts = Callable[[Received], object]


@dataclass(frozen=True)
class Clouds:
    """A gateway before all three; each refuses whoever has not got its credential."""

    gateway: RunningGateway
    azure: tuple[ScriptedUpstream, Accepts]
    bedrock: BedrockServer
    vertex: tuple[ScriptedUpstream, Accepts]

    def fail(self, *names: str) -> None:
        """Let these fail from now on, and the others serve."""
        guard(*self.azure, error(503) if "azure" in names else SPOKEN["chat"].streamed("text"))
        guard(*self.vertex, error(503) if "vertex" in names else SPOKEN["gemini"].streamed("text"))
        self.bedrock.reset()
        if "bedrock" in names:
            self.bedrock.plan(*[Fault(503, "ServiceUnavailableException", "No room.")] * 10)

    def stream(self, caller: str) -> Answer:
        """What a caller of a dialect is streamed."""
        target, body = asking(caller, "across", True)
        return ask(self.gateway.address, request(body, key=self.gateway.key, target=target))


def guard(upstream: ScriptedUpstream, accepts: Accepts, reply: AnyReply) -> None:
    """Let `upstream` answer `reply` to whoever it accepts."""

    def script(received: Received) -> AnyReply:
        try:
            good = accepts(received)
        # Whatever is wrong with a token: it is not accepted.
        except Exception:  # noqa: BLE001
            good = False
        return reply if good else error(401, "unknown credential")

    upstream.reset()
    upstream.otherwise = script


@pytest.fixture
def clouds(
    entra: Entra, google: Google, folder: Path, start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch
) -> Clouds:
    account = folder / "account.json"
    account.write_text(json.dumps(google.service_account()))
    account.chmod(0o600)
    for name, value in {**ENVIRONMENT, "TEST_SECRET": entra_of.SECRET}.items():
        monkeypatch.setenv(name, value)
    azure, bedrock, vertex = ScriptedUpstream(), BedrockServer(KEYS), ScriptedUpstream()
    asks = {"tenant_id": entra_of.TENANT, "client_id": entra_of.CLIENT, "authority": entra.url}
    place = "/v1/projects/p/locations/global"
    providers = {
        "azure": {
            "type": "azure",
            "base_url": azure.url,
            "auth": {"type": "azure", "client_secret": "env:TEST_SECRET", **asks},
        },
        "bedrock": {"type": "bedrock", "base_url": bedrock.url, "auth": AUTH},
        "vertex": {
            "type": "vertex",
            "base_url": f"{vertex.url}{place}",
            "auth": {"type": "google", "file": str(account)},
        },
    }
    models = {"azure": "gpt-4o", "bedrock": CLAUDE, "vertex": "gemini-2.5-flash"}
    targets = [{"provider": name, "model": models[name]} for name in ORDER]
    text = minimal(
        azure.url,
        providers=providers,
        routes={"across": {"strategy": "fallback", "max_retries": 0, "targets": targets}},
        resilience={"breaker": {"consecutive": 0, "min_requests": 100_000}},
    )
    gateway = start_gateway(text)
    eventually(lambda: not gateway.health()["degraded"], "the credentials have come", FETCHED)
    return Clouds(
        gateway,
        (azure, lambda received: entra.verify(dict(received.headers))),
        bedrock,
        (vertex, lambda received: google.verify(dict(received.headers))),
    )


def test_whichever_serves_each_client_hears_the_same(clouds: Clouds) -> None:
    for place, serving in enumerate(ORDER):
        clouds.fail(*ORDER[:place])
        for caller in SPEAKERS:
            heard = CALLERS[caller](clouds.gateway.url, clouds.gateway.key, "across", True)
            assert (heard.text, heard.calls, heard.stop) == (TEXT, [], "end"), (serving, caller)
            told = clouds.stream(caller)
            assert (told.status, told.header("x-tollway-provider")) == (200, serving)
            sent = [(one["provider"], one["class"]) for one in record_of(clouds.gateway, told)["attempts"]]
            assert sent == [*((name, "overload") for name in ORDER[:place]), (serving, "ok")]


def test_a_stream_that_breaks_before_its_content_goes_on_elsewhere(clouds: Clouds) -> None:
    for caller in SPEAKERS:
        clouds.fail()
        broken = stream([chunk({"role": "assistant", "content": ""}), data({"error": {"message": "No.", "code": "x"}})])
        guard(*clouds.azure, broken)
        clouds.bedrock.plan(lambda sent: cut(Reply(body=tuple(sent)), 60))
        told = clouds.stream(caller)
        assert (told.status, told.header("x-tollway-provider")) == (200, "vertex"), told.body
        assert b"No." not in told.body


def test_where_all_fail_each_is_told_in_its_own_words(clouds: Clouds) -> None:
    clouds.fail(*ORDER)
    for caller in SPEAKERS:
        told = clouds.stream(caller)
        assert told.status == 503, told.body
        said = told.json()["error"]
        assert said["message"]
        assert {"chat": "type", "anthropic": "type", "gemini": "status"}[caller] in said
