"""SIGUSR2: another process takes over the sockets, and nobody notices."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.cli.program import CONFIG, KEY, Program, chat, gone, until


@pytest.fixture
def successors() -> Iterator[list[int]]:
    """Processes that a test knows only by number; ended with it."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        if not gone(pid):
            os.kill(pid, signal.SIGTERM)
            until(partial(gone, pid), "the new process' end")


def test_the_port_answers_all_the_time(program: Program, successors: list[int]) -> None:
    data, admin = program.data, program.admin
    failures: list[str] = []
    answered = 0
    enough = threading.Event()

    def load() -> None:
        nonlocal answered
        headers = {"authorization": f"Bearer {KEY}"}
        while not enough.is_set():
            try:
                # A connection each, so that every one passes through the listener's queue.
                answer = httpx.post(f"{data}/v1/chat/completions", headers=headers, json=chat("fast"), timeout=20)
                answered += 1
                if answer.status_code != 200:
                    failures.append(f"{answer.status_code} {answer.text}")
            except httpx.TransportError as error:
                failures.append(repr(error))

    loader = threading.Thread(target=load)
    with (
        program.client() as client,
        client.stream("POST", "/v1/chat/completions", json=chat("slow", stream=True)) as got,
    ):
        lines = got.iter_lines()
        next(lines)
        loader.start()
        program.signal(signal.SIGUSR2)
        successor = program.event("upgrade.begun")["pid"]
        successors.append(successor)
        program.event("upgrade.done")
        # The stream that the old process began, it finishes.
        assert "data: [DONE]" in list(lines)
    assert program.process.wait(20) == 0
    before = answered
    until(lambda: answered > before + 20, "answers of the new process")
    enough.set()
    loader.join()
    assert failures == []
    assert not gone(successor)
    headers = {"authorization": "Bearer canary-admin-token"}
    assert httpx.get(f"{admin}/admin/v1/health", headers=headers).json()["status"] == "ready"

    # The new one is like the old: it ends, or is upgraded, in the same way.
    os.kill(successor, signal.SIGUSR2)
    successors.append(program.event("upgrade.begun", 2)["pid"])
    program.event("upgrade.done", 2)
    until(lambda: gone(successor), "the second process' end")
    assert httpx.get(f"{data}/health/live").status_code == 200


def test_an_upgrade_that_cannot_start_leaves_everything_as_it_was(program: Program, config: Path) -> None:
    assert program.admin
    config.write_text("[server]\nlisen = 1\n")
    program.event("config.refused")
    program.signal(signal.SIGUSR2)
    failed = program.event("upgrade.failed")
    assert f"{config}:2:1" in failed["reason"]
    assert program.ask().status_code == 200
    assert program.ask_admin("/admin/v1/health").status_code == 200
    # And the next one works.
    config.write_text(CONFIG)
    program.event("config.reloaded")
    program.signal(signal.SIGUSR2)
    successor = program.event("upgrade.begun", 2)["pid"]
    program.event("upgrade.done")
    assert program.process.wait(20) == 0
    os.kill(successor, signal.SIGTERM)
    until(lambda: gone(successor), "the new process' end")


def test_an_upgrade_may_move_a_listener(program: Program, config: Path, successors: list[int]) -> None:
    admin = program.admin
    config.write_text(CONFIG.replace('listen = "127.0.0.1:0"', 'listen = "[::1]:0"'))
    program.event("config.needs-restart")
    program.signal(signal.SIGUSR2)
    successors.append(program.event("upgrade.begun")["pid"])
    moved = program.line(r"^data plane (http://\[::1\]:\d+)$", among="stdout")[1]
    program.event("upgrade.done")
    assert program.process.wait(20) == 0
    assert httpx.get(f"{moved}/health/live").status_code == 200
    assert httpx.get(f"{admin}/health/live").status_code == 200
