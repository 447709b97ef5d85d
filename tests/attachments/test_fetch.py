"""What the gateway fetches for its callers, and above all what it does not."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from tests.attachments.test_limits import DIALECTS, PDF, PNG, Chat, Gemini, ask, b64, refused
from tests.pipeline.lab import Lab, laboratory, to
from tests.support.reply import End, Reply
from tests.support.upstream import ScriptedUpstream


@pytest.fixture(scope="module")
def files() -> Iterator[ScriptedUpstream]:
    """Where files are, that the route names."""
    with ScriptedUpstream() as server:
        yield server


@pytest.fixture(scope="module")
def inside() -> Iterator[ScriptedUpstream]:
    """A server of the operator's network that nobody outside may reach."""
    with ScriptedUpstream() as server:
        yield server


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, files: ScriptedUpstream) -> Iterator[Lab]:
    """Started once for this file; the second provider fetches nothing itself."""
    limits = {"urls": "fetch", "fetch_origins": [files.url], "max_bytes": "4KiB", "types": ["image/*"]}
    routes = {
        "m": {"targets": [to("b", "m")], "attachments": limits},
        "brief": {"targets": [to("b", "m")], "attachments": limits | {"fetch_timeout": "300ms"}},
    }
    with laboratory(tmp_path_factory.mktemp("fetch"), routes, {"b": {"fetches_urls": False}}) as lab:
        yield lab


def file(body: bytes, *headers: tuple[str, str], status: int = 200) -> Reply:
    return Reply(status, headers, (body,))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_data_takes_the_place_of_the_url(lab: Lab, files: ScriptedUpstream, dialect: type[Chat]) -> None:
    files.reset()
    files.otherwise = file(PNG, ("content-type", "text/html"))
    url = f"{files.url}/a/b.png?sig=1"
    told = ask(lab, dialect, "m", dialect.url(url), dialect.url(url))
    assert told.status == 200, told.body
    assert "fetched:1" in (told.header("x-tollway-flags") or "").split(",")
    sent = lab.b.take().body.decode()
    assert sent.count(b64(PNG)) == 2
    assert url not in sent
    assert "image/png" in sent
    asked = files.take()
    assert (asked.method, asked.target) == ("GET", "/a/b.png?sig=1")
    names = {name for name, _ in asked.headers}
    assert names == {"host", "accept", "accept-encoding", "user-agent"}, "nothing of the caller's, no credential"
    assert len(files.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[::ffff:7f00:1]/x",
        "https://[64:ff9b::7f00:1]/x",
        "https://[2002:7f00:1::]/x",
        "https://[fd00:ec2::254]/latest/meta-data",
        "https://[fe80::1]/x",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/x",
        "https://100.100.100.200/x",
        "https://168.63.129.16/x",
        "https://0.0.0.0/x",
        "https://0/x",
        "https://2130706433/x",
        "https://0x7f000001/x",
        "https://0177.0.0.1/x",
        "https://127.1/x",
        "https://224.0.0.1/x",
        "https://255.255.255.255/x",
        "https://no-such-host.invalid/x",
    ],
)
def test_addresses_that_are_not_public(lab: Lab, url: str) -> None:
    message = refused(ask(lab, Chat, "m", Chat.url(url)), Chat, Chat.place(1, "url"))
    assert "no address, or one that is not public" in message, message
    assert lab.got() == (0, 0, 0)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1/x",
        "ftp://example.com/x",
        "http://example.com/x",
        "http://127.0.0.1/x",
        "https://example.com:8443/x",
        "https://user@example.com/x",
        "https://user:pass@127.0.0.1/x",
        "https://example.com@127.0.0.1/x",
        "https://exa mple.com/x",
        "https://example.com\\@127.0.0.1/x",
        "https:///x",
        "https://",
        "https:example.com",
        "https://example.com:/x",
        "https://example.com:99999/x",
        "https://exämple.com/x",
    ],
)
def test_urls_that_are_not_followed(lab: Lab, url: str) -> None:
    message = refused(ask(lab, Chat, "m", Chat.url(url)), Chat, Chat.place(1, "url"))
    assert "was not fetched" in message
    assert lab.got() == (0, 0, 0)


def test_the_operators_origin_is_one_origin(lab: Lab, files: ScriptedUpstream, inside: ScriptedUpstream) -> None:
    inside.reset()
    for url in (f"{inside.url}/x", f"https://127.0.0.1:{files.port}/x", f"http://localhost:{files.port}/x"):
        assert ask(lab, Chat, "m", Chat.url(url)).status == 400
    assert not inside.requests


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_checked_anew(lab: Lab, files: ScriptedUpstream, inside: ScriptedUpstream, status: int) -> None:
    files.reset()
    inside.reset()
    for location in (
        f"{inside.url}/x",
        "https://127.0.0.1/x",
        "//169.254.169.254/x",
        "https://[::1]/",
        "file:///etc/passwd",
    ):
        files.script(file(b"", ("location", location), status=status))
        assert ask(lab, Chat, "m", Chat.url(f"{files.url}/a")).status == 400
    assert not inside.requests
    files.reset()
    files.script(file(b"", ("location", "next.png"), status=status), file(b"", ("location", "/c?d"), status=status))
    files.otherwise = file(PNG)
    assert ask(lab, Chat, "m", Chat.url(f"{files.url}/a/b")).status == 200
    assert [one.target for one in files.requests] == ["/a/b", "/a/next.png", "/c?d"]


def test_redirects_without_end(lab: Lab, files: ScriptedUpstream) -> None:
    files.reset()
    files.otherwise = file(b"", ("location", "/again"), status=302)
    message = refused(ask(lab, Chat, "m", Chat.url(f"{files.url}/a")), Chat, Chat.place(1, "url"))
    assert "more than 3 times" in message
    assert len(files.requests) == 4


def test_a_body_without_end_and_one_that_does_not_come(lab: Lab, files: ScriptedUpstream) -> None:
    files.reset()
    endless = Reply(200, (), (PNG, *[b"\0" * 1024] * 64, End.HANG), "chunked")
    files.script(endless, Reply(200, (), (PNG, End.HANG), "chunked"), Reply(200, (), (PNG, End.CLOSE), "chunked"))
    message = refused(ask(lab, Chat, "m", Chat.url(f"{files.url}/a")), Chat, Chat.place(1, "url"), 413)
    assert "larger than 4096 bytes" in message
    message = refused(ask(lab, Chat, "brief", Chat.url(f"{files.url}/a")), Chat, Chat.place(1, "url"))
    assert "took longer than 300ms" in message
    message = refused(ask(lab, Chat, "m", Chat.url(f"{files.url}/a")), Chat, Chat.place(1, "url"))
    assert "broke off" in message
    assert lab.got() == (0, 0, 0)


@pytest.mark.parametrize(
    ("reply", "status", "told"),
    [
        (file(PNG + b"\0" * 4096), 413, "larger than 4096 bytes"),
        (file(b"<html>"), 400, "no picture"),
        (file(PDF), 400, "takes no"),
        (file(b""), 400, "no picture"),
        (file(PNG, ("content-encoding", "gzip")), 400, "compressed"),
        (file(b"gone", status=404), 400, "status 404"),
        (file(PNG, status=206), 400, "status 206"),
        (file(b"", status=304), 400, "status 304"),
    ],
)
def test_answers_that_are_not_taken(lab: Lab, files: ScriptedUpstream, reply: Reply, status: int, told: str) -> None:
    files.reset()
    files.otherwise = reply
    message = refused(ask(lab, Chat, "m", Chat.url(f"{files.url}/a")), Chat, Chat.place(1, "url"), status)
    assert told in message
    assert lab.got() == (0, 0, 0)


def test_what_is_said_of_it_must_be_true(lab: Lab, files: ScriptedUpstream) -> None:
    files.reset()
    files.otherwise = file(b"\xff\xd8\xff\xe0\0\x10JFIF")
    told = ask(lab, Gemini, "m", Gemini.url(f"{files.url}/a"))
    assert "is said to be" in refused(told, Gemini, Gemini.place(1, "url"))


def test_the_record_names_what_was_fetched(lab: Lab, files: ScriptedUpstream) -> None:
    files.reset()
    files.otherwise = file(PNG)
    told = ask(lab, Chat, "m", Chat.url(f"{files.url}/a"))
    assert "fetched:1" in lab.record(told)["flags"]
    sent = json.loads(lab.b.take().body)
    url = sent["messages"][0]["content"][1]["image_url"]["url"]
    assert base64.b64decode(url.removeprefix("data:image/png;base64,")) == PNG
