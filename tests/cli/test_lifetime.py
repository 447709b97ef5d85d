"""How it ends, and what outlives what: drain, the second signal, the control plane's death, the parent's death."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.cli.program import Program, chat, gone, until


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_running_stream_is_finished_and_new_connections_are_not_taken(program: Program, name: signal.Signals) -> None:
    with (
        program.client() as client,
        client.stream("POST", "/v1/chat/completions", json=chat("slow", stream=True)) as got,
    ):
        lines = got.iter_lines()
        assert next(lines).startswith("data:")
        program.signal(name)
        program.event("draining")
        until(lambda: _refuses(program.data), "no new connections")
        rest = list(lines)
    assert "data: [DONE]" in rest
    assert program.wait() == 0
    assert program.event("drained")["finished"] is True


def ended(program: Program, number: signal.Signals) -> bool:
    """Whether it has ended; it is told to once more if not."""
    if program.process.poll() is not None:
        return True
    program.signal(number)
    return False


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_process_and_its_group_is_one(program: Program, name: signal.Signals) -> None:
    with (
        program.client() as client,
        client.stream("POST", "/v1/chat/completions", json=chat("slow", stream=True)) as got,
    ):
        lines = got.iter_lines()
        assert next(lines).startswith("data:")
        program.signal(name)
        program.signal(name)
        assert "data: [DONE]" in list(lines)
    assert program.wait() == 0


def test_a_second_signal_ends_it_at_once(program: Program) -> None:
    assert program.admin
    (child,) = program.children()
    with endless(program) as lines:
        program.signal(signal.SIGTERM)
        program.event("draining")
        until(lambda: ended(program, signal.SIGTERM), "the end")
        assert program.wait() == 1
        with pytest.raises(httpx.TransportError):
            list(lines)
    until(lambda: gone(child), "the child's end")


def test_drain_has_an_end(program: Program, config: Path) -> None:
    assert program.admin
    config.write_text(config.read_text().replace("workers = 1", 'workers = 1\ndrain = "250ms"'))
    program.event("config.reloaded")
    with endless(program) as lines:
        assert program.stop() == 0
        with pytest.raises(httpx.TransportError):
            list(lines)
    assert program.event("drained")["finished"] is False


def test_killing_the_control_plane_fails_no_request_and_it_comes_back(program: Program) -> None:
    assert program.admin
    with (
        program.client() as client,
        client.stream("POST", "/v1/chat/completions", json=chat("slow", stream=True)) as got,
    ):
        lines = got.iter_lines()
        next(lines)
        for count in (1, 2, 3):
            (child,) = until(program.children, "the control plane")
            os.kill(child, signal.SIGKILL)
            ended = program.event("control-plane.ended", count)
            assert ended["code"] == -signal.SIGKILL
            # Each time it waits twice as long, unless it had lived for a while.
            assert ended["restart_in"] == pytest.approx(0.1 * 2 ** (count - 1))
            assert client.post("/v1/chat/completions", json=chat("fast")).status_code == 200
            # Its listener stayed open: the question waits in the queue until there is somebody to answer.
            assert "tollway_requests_total" in httpx.get(f"{program.admin}/metrics", timeout=20).text
            program.event("control-plane.back", count)
        assert "data: [DONE]" in list(lines)
    assert program.stop() == 0


def test_the_control_plane_ends_with_its_parent(program: Program) -> None:
    assert program.admin
    (child,) = program.children()
    os.kill(program.process.pid, signal.SIGKILL)
    program.process.wait()
    until(lambda: gone(child), "the child's end")


def test_ctrl_c_in_a_terminal_is_for_the_parent_alone(program: Program) -> None:
    assert program.admin
    (child,) = program.children()
    assert os.getpgid(child) != os.getpgid(program.process.pid)


@contextmanager
def endless(program: Program) -> Iterator[Iterator[str]]:
    """The lines of a stream that has begun and does not end by itself."""
    body = chat("endless", stream=True)
    with program.client() as client, client.stream("POST", "/v1/chat/completions", json=body) as got:
        lines = got.iter_lines()
        next(lines)
        yield lines


def _refuses(address: str) -> bool:
    try:
        httpx.get(f"{address}/health/live")
    except httpx.TransportError:
        return True
    return False
