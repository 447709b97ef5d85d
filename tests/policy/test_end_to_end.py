"""Hooks in a running gateway: through the configuration, the data plane and back to the caller."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import CONFIG, Program, until

HOOKS = """
import asyncio, os, pathlib, threading
from tollway.policy import Request, Response, allow, reject, replace

folder = pathlib.Path(__file__).parent

def note(name): (folder / name).touch()

def refuse(request):
    if "forbidden" in request.text: return reject(f"{request.key.id} may not say that")

async def refuse_later(request):
    await asyncio.sleep(0)
    return refuse(request)

def flag(request): return allow(flags=["seen", request.endpoint.replace("_", "-")])

def rewrite(request):
    request.body["messages"].append({"role": "user", "content": "added by a hook"})
    return replace(request.body)

def broken(request): raise ValueError(request.text)

async def broken_later(request): raise ValueError(request.text)

def wrong(request): return "yes"

def hang(request):
    note("hang-began")
    while not (folder / "let-go").exists(): threading.Event().wait(0.01)
    note("hang-ended")

async def hang_later(request):
    note("hang-later-began")
    try: await asyncio.Event().wait()
    finally: note("hang-later-cancelled")

def answered(response):
    assert isinstance(response, Response)
    if response.stream:
        assert list(response.events())
    else:
        assert response.body["choices"]
    return reject("the answer may not be seen")

async def answered_later(response): return answered(response)
"""


class Upstream(ThreadingHTTPServer):
    """A model's far end that keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Recorder)
        self.bodies: list[dict[str, Any]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class Recorder(BaseHTTPRequestHandler):
    """Answers every request with the same completion."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        assert isinstance(self.server, Upstream)
        self.server.bodies.append(body)
        answer = json.dumps({"id": "x", "object": "chat.completion", "choices": [], "usage": None}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Be silent."""


def route(name: str, call: str, on_failure: str = "closed", timeout: str = "10s", on: str = "request") -> str:
    hook = f'{{ call = "{call}", timeout = "{timeout}", on_failure = "{on_failure}", on = "{on}" }}'
    return f'\n[routes.{name}]\nprovider = "mock"\nmodel = "mock"\nhooks = [ {hook} ]\n'


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Serve routes that name hooks; each program has a module of its own name, beside its configuration."""
    programs: list[Program] = []

    def serve(*routes: str) -> Program:
        (tmp_path / "house_rules.py").write_text(HOOKS)
        (tmp_path / "tollway.toml").write_text(CONFIG + "".join(routes))
        programs.append(Program("--config", str(tmp_path / "tollway.toml"), cwd=Path("/")))
        return programs[-1]

    yield serve
    for program in programs:
        program.kill()


def error_of(program: Program, model: str, text: str = "Hello", *, stream: bool = False) -> tuple[int, dict[str, Any]]:
    answer = program.ask(model, text=text, stream=stream)
    error: dict[str, Any] = answer.json().get("error", {})
    return answer.status_code, error


@pytest.mark.parametrize("call", ["refuse", "refuse_later"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_request_is_refused_or_goes_on(serve: Callable[..., Program], call: str, stream: bool) -> None:
    program = serve(route("guarded", f"house_rules:{call}"))
    assert program.ask("guarded", stream=stream).status_code == 200
    status, error = error_of(program, "guarded", "something forbidden", stream=stream)
    assert (status, error["code"]) == (400, "guardrail_rejected")
    assert "tester may not say that" in error["message"]
    assert program.ask("fast", text="something forbidden").status_code == 200
    assert program.stop() == 0


def test_flags_reach_the_caller_and_a_replacement_the_model(serve: Callable[..., Program]) -> None:
    with Upstream() as upstream:
        provider = f'\n[providers.seen]\ntype = "openai"\nbase_url = "{upstream.url}"\napi_key = "env:TEST_UNUSED"\n'
        rewritten = route("rewritten", "house_rules:rewrite").replace('provider = "mock"', 'provider = "seen"')
        program = serve(route("flagged", "house_rules:flag"), provider, rewritten)
        flags = program.ask("flagged").headers["x-tollway-flags"].split(",")
        assert "seen" in [flag.strip() for flag in flags]
        assert program.ask("rewritten").status_code == 200
    (body,) = upstream.bodies
    assert [message["content"] for message in body["messages"]] == ["Hello", "added by a hook"]


@pytest.mark.parametrize("call", ["broken", "broken_later", "wrong"])
def test_a_hook_that_fails_is_open_or_closed_and_logged_without_the_request(
    serve: Callable[..., Program], call: str
) -> None:
    program = serve(route("open", f"house_rules:{call}", "open"), route("closed", f"house_rules:{call}", "closed"))
    assert program.ask("open", text="canary-in-a-prompt").status_code == 200
    logged = program.event("hook.failed")
    assert logged["hook"] == f"house_rules:{call}"
    assert logged["exception"] == ("TypeError" if call == "wrong" else "ValueError")
    status, _ = error_of(program, "closed", "canary-in-a-prompt")
    assert status >= 400
    assert program.ask("fast").status_code == 200
    assert program.stop() == 0
    assert "canary-in-a-prompt" not in program.output


def test_a_hung_hook_is_given_up_and_holds_no_other_route(serve: Callable[..., Program], tmp_path: Path) -> None:
    program = serve(
        route("stuck", "house_rules:hang", "closed", "50ms"), route("open", "house_rules:hang", "open", "50ms")
    )
    status, _ = error_of(program, "stuck")
    assert status >= 400
    assert (tmp_path / "hang-began").exists()
    assert program.ask("open").status_code == 200
    # More of them than there are threads: the pool is full, and what fails open goes on at once.
    assert [program.ask("open").status_code for _ in range(8)] == [200] * 8
    assert program.ask("fast").status_code == 200
    (tmp_path / "let-go").touch()
    until((tmp_path / "hang-ended").exists, "the hook's end")
    assert program.stop() == 0


def test_a_hook_that_hangs_for_ever_does_not_keep_the_process(serve: Callable[..., Program]) -> None:
    program = serve(route("stuck", "house_rules:hang", "closed", "50ms"))
    error_of(program, "stuck")
    assert program.stop() == 0


def test_an_asynchronous_hook_is_cancelled_after_its_timeout(serve: Callable[..., Program], tmp_path: Path) -> None:
    program = serve(route("stuck", "house_rules:hang_later", "open", "50ms"))
    assert program.ask("stuck").status_code == 200
    assert (tmp_path / "hang-later-began").exists()
    until((tmp_path / "hang-later-cancelled").exists, "the cancellation")
    assert program.stop() == 0


@pytest.mark.parametrize("call", ["answered", "answered_later"])
def test_a_response_is_held_back(serve: Callable[..., Program], call: str) -> None:
    program = serve(route("held", f"house_rules:{call}", on="response"))
    status, error = error_of(program, "held")
    assert (status, error["code"]) == (400, "guardrail_rejected")
    streamed = program.ask("held", stream=True)
    # Refused before the stream began, or inside it: either way nothing of the answer is seen.
    events = [line.removeprefix("data: ") for line in streamed.text.splitlines() if line.startswith("data: {")]
    seen = [json.loads(event) for event in events] or [streamed.json()]
    assert all("error" in event for event in seen)


def test_the_first_hook_may_come_with_a_reload(serve: Callable[..., Program], tmp_path: Path) -> None:
    program = serve()
    assert program.ask().status_code == 200
    (tmp_path / "tollway.toml").write_text(CONFIG + route("guarded", "house_rules:refuse"))
    program.event("config.reloaded")
    assert error_of(program, "guarded", "forbidden")[0] == 400


def test_a_reload_that_names_a_hook_which_is_not_there_is_refused(
    serve: Callable[..., Program], tmp_path: Path
) -> None:
    program = serve(route("guarded", "house_rules:refuse"))
    assert program.ask("guarded").status_code == 200
    (tmp_path / "tollway.toml").write_text(CONFIG + route("guarded", "house_rules:missing"))
    program.event("config.refused")
    program.line("has no `missing`")
    assert error_of(program, "guarded", "forbidden")[0] == 400
