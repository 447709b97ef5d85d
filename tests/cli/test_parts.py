"""The parts of the supervisor that can be seen alone: the file watch, the logs, the inheritance of sockets, memory."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
from pathlib import Path

import pytest

from tollway import logs
from tollway.child import Access
from tollway.config.api import Address
from tollway.listeners import BACKLOG, VARIABLE, Inheritance, ListenError, url
from tollway.memory import FEWEST, PAUSE, Trimmer
from tollway.watch import FileWatch


def test_a_change_counts_once_it_is_quiet(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    watch = FileWatch([path])
    assert not watch.changed()
    path.write_text("three")
    assert not watch.changed()  # it may be half written
    path.write_text("eleven")
    assert not watch.changed()
    assert watch.changed()
    assert not watch.changed()


def test_a_file_that_goes_and_comes_back_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    watch = FileWatch([path])
    path.write_text("new")
    assert [watch.changed() for _ in range(3)] == [False, True, False]
    path.unlink()
    assert [watch.changed() for _ in range(3)] == [False, True, False]


def test_the_same_text_in_another_file_is_a_change(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    for each in (path, other):
        each.write_text("same")
        os.utime(each, (1, 1))
    watch = FileWatch([path])
    other.rename(path)
    assert [watch.changed() for _ in range(2)] == [False, True]


def test_a_change_back_is_none(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    before = path.stat()
    watch = FileWatch([path])
    path.write_text("two")
    os.utime(path, (1, 1))
    assert not watch.changed()
    path.write_text("one")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not watch.changed()
    assert not watch.changed()


def test_replacing_the_paths_forgets_no_change(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("1")
    second.write_text("2")
    watch = FileWatch([first])
    first.write_text("changed")
    watch.replace([first, second])
    assert [watch.changed() for _ in range(2)] == [False, True]


def test_a_log_is_one_line_of_json_without_the_text_of_an_exception() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonFormatter())
    logger = logging.Logger("test")  # noqa: LOG001 - one that nothing else writes to
    logger.addHandler(handler)
    try:
        int("canary")
    except ValueError:
        logger.exception("it.failed", extra={"fields": {"file": "a\nb", "n": 1}})
    line = stream.getvalue()
    assert line.count("\n") == 1
    parsed = json.loads(line)
    assert {
        "level": "error",
        "event": "it.failed",
        "exception": "ValueError",
        "file": "a\nb",
        "n": 1,
    }.items() <= parsed.items()
    assert parsed["time"].endswith("Z")
    assert "canary" not in line


def test_access_does_not_print_its_token() -> None:
    access = Access("canary", True, telemetry={"headers": {"x-api-key": "canary"}})
    assert "canary" not in f"{access!r} {access}"


def test_sockets_are_inherited_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    data, admin = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    ports = [listener.getsockname()[1] for listener in (data, admin)]
    heard, say = os.pipe()
    monkeypatch.setenv(VARIABLE, f"{data.detach()},{admin.detach()},{say}")
    inheritance = Inheritance.take()
    assert VARIABLE not in os.environ
    with (
        inheritance.listener("admin", Address("127.0.0.1", ports[1])) as second,
        inheritance.listener("data", Address("localhost", 0)) as first,
        inheritance.listener("data", Address("127.0.0.1", 0)) as opened,
    ):
        assert [first.getsockname()[1], second.getsockname()[1]] == ports
        assert opened.getsockname()[1] not in ports
        assert not any(os.get_inheritable(listener.fileno()) for listener in (first, second, opened))
    assert not os.get_inheritable(say)
    inheritance.tell("ready")
    with os.fdopen(heard) as pipe:
        assert pipe.read() == "ready"


def test_a_new_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert BACKLOG == 4096
    with Inheritance.take().listener("data", Address("127.0.0.1", 0)) as listener:
        assert url(listener, "http") == f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert listener.getblocking() is False
        with pytest.raises(ListenError, match="already in use"):
            Inheritance().listener("data", Address("127.0.0.1", listener.getsockname()[1]))
    with pytest.raises(ListenError, match="cannot listen on 192"):
        Inheritance().listener("data", Address("192.0.2.1", 0))


def test_memory_is_given_back_when_most_have_left() -> None:
    trims: list[float] = []
    # Not while many are leaving, as at 1.0.
    seen = [
        (0.0, 900, 1000), (0.5, 500, 900), (1.0, 300, 500), (1.5, 201, 300), (2.0, 0, 201),
        # Not again so soon, but then for those who have left since.
        (1.5 + PAUSE - 0.1, 10, 10), (1.5 + PAUSE, 10, 10), (2.0 + PAUSE, 0, 10),
        # A few are not worth it; those who came and went in between are.
        (100.0, 0, FEWEST - 1), (101.0, 0, FEWEST), (102.0, 0, 0),
    ]  # fmt: skip
    now = 0.0
    trimmer = Trimmer(lambda: trims.append(now))
    for now, connections, most in seen:
        trimmer.step(connections, most, now)
    assert trims == [1.5, 1.5 + PAUSE, 101.0]
