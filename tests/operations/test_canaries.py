"""No secret and no prompt can be found anywhere but where it belongs, whatever goes wrong."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.operations.canaries import Harvest, canary
from tests.operations.hooked import hook
from tests.operations.processes import control_plane
from tests.support.gateway import RunningGateway, chat_body, minimal
from tests.support.reply import DONE, End, Reply, answer, chunk, data, error, raw, stream, whole
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually
from tests.support.wire import CHAT, ask, request
from tollway._dataplane import hash_key

TOLLWAY = str(Path(sys.executable).with_name("tollway"))
ROLES = (
    "provider-key",
    "pool-key",
    "header",
    "virtual-key",
    "hashed-key",
    "admin-token",
    "server-secret",
    "file-secret",
)
LOUD = {
    "RUST_LOG": "trace",
    "RUST_BACKTRACE": "full",
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONFAULTHANDLER": "1",
    "PYTHONDEVMODE": "1",
}
"""What makes programs talkative."""


@dataclass
class Nest:
    """A gateway full of canaries, its upstream, and what was seen of it."""

    gateway: RunningGateway
    upstream: ScriptedUpstream
    secrets: dict[str, str]
    text: str
    prompt: str = field(default_factory=lambda: canary("prompt"))
    harvest: Harvest = field(default_factory=Harvest)

    def body(self, model: str = "m", **members: object) -> dict[str, object]:
        """A request whose prompt is the canary, beside an e-mail address."""
        said = f"{self.prompt}, write to {self.prompt}@example.com"
        return chat_body(model, messages=[{"role": "user", "content": said}], **members)

    def chat(self, where: str, body: object, *headers: tuple[str, str], target: str = CHAT) -> int:
        """Ask and note what comes back."""
        sent = request(body, headers or [("x-api-key", self.secrets["virtual-key"])], key=None, target=target)
        return self.harvest.answer(where, ask(self.gateway.address, sent)).status


def configuration(upstream: ScriptedUpstream, digest: str) -> str:
    """Every place that takes a secret has one."""
    guard = {"type": "pii", "on": "both", "action": "reject", "on_failure": "closed"}
    return minimal(
        upstream.url,
        provider={"headers": {"x-extra": "env:TEST_HEADER"}},
        providers={
            "pool": {
                "type": "openai",
                "base_url": f"{upstream.url}/v1",
                "api_keys": [{"key": "env:TEST_POOL_KEY", "weight": 2}, {"key": "file:provider.key"}],
            },
            "nowhere": {"type": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": "env:TEST_POOL_KEY"},
        },
        routes={
            "pool": {"provider": "pool", "model": "x", "max_retries": 0},
            "nowhere": {"provider": "nowhere", "model": "x", "max_retries": 0},
            "late": {"provider": "up", "model": "x", "max_retries": 0, "timeout": "100ms"},
            "guarded": {"provider": "up", "model": "x", "max_retries": 0, "guardrails": [guard]},
            **{
                name: {"provider": "up", "model": "x", "max_retries": 0, "hooks": [hook(name, on)]}
                for name, on in (("raises", "request"), ("raises_async", "request"), ("response_raises", "response"))
            },
        },
        keys={"hashed": {"hash": digest}, "narrow": {"secret": "env:TEST_NARROW_KEY", "models": ["m"]}},
    )


@pytest.fixture(scope="module")
def nest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nest]:
    """One gateway for all of these tests, as talkative as it can be made."""
    secrets = {role: canary(role) for role in ROLES}
    folder = tmp_path_factory.mktemp("nest")
    (folder / "policies.py").write_text(Path(__file__).with_name("policies.py").read_text())
    secret_file = folder / "provider.key"
    secret_file.touch(0o600)
    secret_file.write_text(secrets["file-secret"])
    digest = hash_key(secrets["server-secret"].encode(), secrets["hashed-key"].encode())
    environment = {
        "TEST_UPSTREAM_KEY": secrets["provider-key"],
        "TEST_POOL_KEY": secrets["pool-key"],
        "TEST_HEADER": secrets["header"],
        "TEST_KEY": secrets["virtual-key"],
        "TEST_NARROW_KEY": canary("narrow-key"),
        "TEST_ADMIN_TOKEN": secrets["admin-token"],
        "TEST_SERVER_SECRET": secrets["server-secret"],
        **LOUD,
    }
    with ScriptedUpstream() as upstream:
        text = configuration(upstream, digest)
        with RunningGateway(text, folder, **environment) as gateway:
            gateway.admin_token = secrets["admin-token"]
            virtual_hash = hash_key(secrets["server-secret"].encode(), secrets["virtual-key"].encode())
            hashes = {"hash-of-key": f"x-{digest}", "other-hash": f"x-{virtual_hash}"}
            yield Nest(gateway, upstream, {**secrets, **hashes}, text)


def successes(nest: Nest) -> None:
    """Whatever goes well, with the key in every place where it may be."""
    nest.upstream.otherwise = answer()
    key = nest.secrets["virtual-key"]
    for name, value in (
        ("authorization", f"Bearer {key}"),
        ("x-api-key", key),
        ("api-key", key),
        ("x-goog-api-key", key),
    ):
        assert nest.chat(f"an answer by {name}", nest.body(), (name, value)) == 200
    assert nest.chat("by hash", nest.body(), ("x-api-key", nest.secrets["hashed-key"])) == 200
    # Chosen by chance and weight: that one of the two is never among 60 has a chance of 10 to the power of -11.
    for _ in range(60):
        assert nest.chat("of a pool", nest.body("pool")) == 200
    nest.upstream.script(stream())
    assert nest.chat("a stream", nest.body(stream=True), ("x-api-key", key), ("x-tollway-trailer", "true")) == 200
    # The canaries did go where they belong.
    seen = [received.head + received.body for received in nest.upstream.requests]
    for role in ("provider-key", "pool-key", "header", "file-secret"):
        assert any(nest.secrets[role].encode() in one for one in seen), role
    assert all(nest.prompt.encode() in one for one in seen)


def refusals(nest: Nest) -> None:
    """Whatever is wrong with a request, the prompt in it."""
    key = ("x-api-key", nest.secrets["virtual-key"])
    said = nest.prompt.encode()
    for number, body in enumerate(
        (
            b'{"model":"m","messages":"' + said + b'"}',
            b'{"model":"m","messages":[{"role":"user","content":"' + said,
            b'{"model":"m","messages":[],"user":"' + said + b'","user":"' + said + b'"}',
            b'{"model":{"a":"' + said + b'"},"messages":[]}',
            b'{"model":"m","stream":"' + said + b'","messages":[]}',
            b'{"model":"m","messages":[{"content":"' + said + b'\xff"}]}',
            b'{"model":"m","x":' + b"[" * 70 + b'"' + said + b'"' + b"]" * 70 + b"}",
            said,
        )
    ):
        assert nest.chat(f"bad body {number}", body, key) == 400
    assert nest.chat("an unknown key", nest.body(), ("x-api-key", canary("stranger"))) == 401
    wrong = nest.secrets["virtual-key"][:-1] + "x"
    assert nest.chat("nearly the key", nest.body(), ("x-api-key", wrong)) == 401
    assert nest.chat("no such route", nest.body("none-such"), key) == 404
    for target in (f"/v1/none?key={key[1]}", f"/v1beta/models/m:predict?key={key[1]}", f"/v1/{key[1]}"):
        assert nest.chat(f"no such path {target[:10]}", nest.body(), key, target=target) == 404
    for model in ("raises", "raises_async", "response_raises"):
        nest.upstream.otherwise = answer(nest.prompt)
        assert nest.chat(f"a hook that {model}", nest.body(model), key) == 503
    assert nest.chat("a guardrail", nest.body("guarded"), key) == 400


def failures(nest: Nest) -> None:
    """Whatever an upstream does wrong, our key in what it says."""
    key = nest.secrets["provider-key"]
    quoting = f"Incorrect API key provided: {key}. Authorization: Bearer {key}"
    replies: list[Reply] = [error(status, quoting, key) for status in (400, 401, 403, 404, 422, 429, 500, 503)]
    replies += [
        whole(quoting.encode(), 500),
        whole(f'{{"error": {{"message": "{quoting}"}}}}'.encode()),
        stream([data({"error": {"message": quoting, "type": "server_error", "code": key}})]),
        error(500, "No.").with_headers(("x-debug", key), ("set-cookie", key), ("www-authenticate", key)),
    ]
    for number, reply in enumerate(replies):
        nest.upstream.script(reply)
        assert nest.chat(f"upstream error {number}", nest.body(stream=number == 10)) >= 400
    for number, broken in enumerate(
        (raw(End.CLOSE), raw(key.encode(), End.CLOSE), raw(b"HTTP/1.1 200 OK\r\n", End.RESET))
    ):
        nest.upstream.script(broken)
        assert nest.chat(f"broken upstream {number}", nest.body()) == 502
    assert nest.chat("no upstream", nest.body("nowhere")) == 502
    nest.upstream.script(raw(End.HANG))
    assert nest.chat("an upstream that hangs", nest.body("late")) == 504
    nest.upstream.script(stream([chunk({"content": "a"}), b"data: {" + key.encode() + b"\n\n", DONE]))
    assert nest.chat("a stream with garbage", nest.body(stream=True)) == 200


def test_nothing_shows_a_secret_or_a_prompt(nest: Nest) -> None:
    successes(nest)
    refusals(nest)
    failures(nest)
    gateway = nest.gateway
    gateway.settled()
    nest.harvest.add("metrics", httpx.get(f"{gateway.admin_url}/metrics").text)
    for path in ("health", "routes", "targets", "keys"):
        seen = gateway.admin.get(f"/admin/v1/{path}")
        assert seen.status_code == 200
        nest.harvest.add(path, f"{seen.headers}\n{seen.text}")
    for path in ("/admin/openapi.json", "/", "/health/ready", "/admin/v1/none-such"):
        nest.harvest.add(path, gateway.admin.get(path).text)
    stranger = httpx.get(f"{gateway.admin_url}/admin/v1/keys", headers={"authorization": f"Bearer {nest.prompt}"})
    assert stranger.status_code == 401
    nest.harvest.add("a wrong admin token", stranger.text)
    nest.harvest.add("log", gateway.log)
    nest.harvest.holds_nothing_of({**nest.secrets, "prompt": nest.prompt})


def test_processes_show_no_secret(nest: Nest) -> None:
    harvest = Harvest()
    child = control_plane(nest.gateway.pid)
    for name in ("cmdline", "environ"):
        harvest.add(f"{name} of the control plane", Path(f"/proc/{child}/{name}").read_bytes().decode(errors="replace"))
    harvest.add("cmdline", Path(f"/proc/{nest.gateway.pid}/cmdline").read_text())
    harvest.holds_nothing_of(nest.secrets)


MISTAKES = {
    "unknown key": '[providers.up]\ntype = "openai"\napi_keey = "{}"\n',
    "wrong type": '[providers.up]\ntype = "openai"\napi_key = ["{}"]\n',
    "open string": '[providers.up]\ntype = "openai"\napi_key = "{}\n',
    "no quotes": '[providers.up]\ntype = "openai"\napi_key = {}\n',
    "twice": '[admin]\ntoken = "{0}"\ntoken = "{0}"\n',
    "as a reference": '[admin]\ntoken = "env:{}"\n',
    "not a hash": '[keys.a]\nhash = "{}"\n',
    "both": '[keys.a]\nsecret = "{0}"\nhash = "{0}"\n',
    "in a URL": '[providers.up]\ntype = "openai"\nbase_url = "https://user:{}@127.0.0.1/v1"\n',
    "in a query": '[providers.up]\ntype = "openai"\nbase_url = "https://127.0.0.1/v1?key={}"\n',
    "in a proxy": '[providers.up]\ntype = "openai"\nproxy = "http://user:{}@127.0.0.1:1"\napi_kee = 1\n',
    "in a store": '[store]\nurl = "postgres://user:{}@127.0.0.1/db"\nurrl = 1\n',
    "in a state": '[state]\nurl = "reddis://:{}@127.0.0.1"\n',
    "in a header": '[providers.up]\ntype = "openai"\nheaders = {{ authorization = "Bearer {}", 1 }}\n',
    "in a pool": '[providers.up]\ntype = "openai"\napi_keys = [{{ key = "{}", weight = -1 }}]\n',
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_beside_a_secret_does_not_show_it(nest: Nest, mistake: str) -> None:
    gateway, harvest = nest.gateway, Harvest()
    written = canary("written")
    refused = gateway.log.count("config.refused")
    gateway.write(MISTAKES[mistake].format(written))
    try:
        harvest.add("admin API", gateway.admin.post("/admin/v1/reload").text)
        os.kill(gateway.pid, signal.SIGHUP)
        eventually(lambda: gateway.log.count("config.refused") >= refused + 2, "the file is refused")
        harvest.add("log", gateway.log)
    finally:
        gateway.write(nest.text)
        reloaded = gateway.log.count("config.reloaded")
        os.kill(gateway.pid, signal.SIGHUP)
        eventually(lambda: gateway.log.count("config.reloaded") > reloaded, "the good file is taken over")
    harvest.holds_nothing_of({mistake: written})


@pytest.mark.parametrize("mistake", ["open string", "wrong type", "in a URL"])
def test_check_does_not_show_it(tmp_path: Path, mistake: str) -> None:
    harvest, written = Harvest(), canary("written")
    file = tmp_path / "tollway.toml"
    file.write_text(MISTAKES[mistake].format(written))
    for options in ((), ("--json",)):
        ran = subprocess.run(
            [TOLLWAY, "check", *options, str(file)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **LOUD},
        )
        assert ran.returncode == 2
        assert re.search(r"\d", ran.stdout + ran.stderr)
        harvest.add(f"check {options}", ran.stdout + ran.stderr)
    harvest.holds_nothing_of({mistake: written})


def test_check_of_a_good_file_with_secrets_does_not_show_them(nest: Nest) -> None:
    harvest, written = Harvest(), canary("written")
    file = nest.gateway.folder / "written.toml"
    file.write_text(
        f'[providers.p]\ntype = "openai"\napi_key = "{written}"\n[routes.r]\nprovider = "p"\nmodel = "x"\n'
        f'[keys.k]\nsecret = "{written}"\n[admin]\ntoken = "{written}"\n'
    )
    for options in ((), ("--json",)):
        ran = subprocess.run([TOLLWAY, "check", *options, str(file)], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        assert "secret" in ran.stdout + ran.stderr
        harvest.add(f"check {options}", ran.stdout + ran.stderr)
    harvest.holds_nothing_of({"written": written})
