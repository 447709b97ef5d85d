"""The commands that manage a gateway: through its admin API while it runs, and over its store while it does not."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import CONFIG, TOKEN, TOLLWAY, Program, environment, run, until

Start = Callable[..., Program]
TEAMS = '\n[teams.data-science]\nmodels = ["fast"]\n'


@dataclass
class Shell:
    """A folder with a configuration, in which commands are run."""

    folder: Path
    program: Program | None

    def run(self, *arguments: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        if self.program is not None:
            env = {"TOLLWAY_ADMIN_URL": self.program.admin, "TOLLWAY_ADMIN_TOKEN": TOKEN, **env}
        return run(*arguments, cwd=self.folder, stdin=stdin, **env)

    def ok(self, *arguments: str, **more: str) -> str:
        done = self.run(*arguments, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON of any kind
        return json.loads(self.ok(*arguments, "--json"))


@pytest.fixture(params=["gateway", "store"])
def shell(request: pytest.FixtureRequest, start: Start, config: Path) -> Shell:
    """Both ways: with a gateway that runs, and without."""
    config.write_text(CONFIG + TEAMS)
    return Shell(config.parent, start("--config", str(config)) if request.param == "gateway" else None)


@pytest.fixture
def served(start: Start, config: Path) -> Shell:
    """With a gateway that runs."""
    config.write_text(CONFIG + TEAMS)
    return Shell(config.parent, start("--config", str(config)))


def test_a_key_from_the_first_to_the_last(shell: Shell) -> None:
    made = shell.json("keys", "create", "--team", "data-science", "--models", "fast", "--expires", "30d")
    key, secret = made["id"], made["secret"]
    assert re.fullmatch(rf"tw-{key}-[A-Za-z0-9_-]{{43}}", secret)
    assert made["settings"]["team"] == "data-science"
    assert {one["id"] for one in shell.json("keys", "list")["data"]} == {key, "tester"}
    shown = shell.json("keys", "show", key)
    assert {**shown, "secret": secret} == made
    changed = shell.json("keys", "update", key, "--clear", "team", "--set", "limits.rpm=5", "--name", "A name")
    assert changed["settings"] == {
        "models": ["fast"],
        "expires": made["settings"]["expires"],
        "limits": {"rpm": 5},
        "name": "A name",
    }
    rotated = shell.json("keys", "rotate", key, "--grace", "1h")
    assert rotated["secret"] != secret
    assert shell.json("keys", "revoke", key)["state"] == "revoked"
    assert [one["id"] for one in shell.json("keys", "list", "--state", "revoked")["data"]] == [key]


def test_for_people(shell: Shell) -> None:
    text = shell.ok("keys", "create", "--name", "nightly job", "--team", "data-science")
    found = re.fullmatch(r"id      (\S{12})\nsecret  (tw-\1-\S{43})\n", text)
    assert found is not None
    lines = shell.ok("keys", "list").splitlines()
    assert lines[0].split() == ["ID", "NAME", "TEAM", "PROJECT", "ENVIRONMENT", "STATE", "EXPIRES", "SOURCE"]
    assert any(line.startswith(found[1]) and "nightly job" in line for line in lines)
    assert found[2] not in shell.ok("keys", "show", found[1])
    assert "is revoked" in shell.ok("keys", "revoke", found[1])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("keys", "create", "--set", "limits.rpms=5"), 2, "did you mean `rpm`"),
        (("keys", "create", "--models", "fats"), 2, 'did you mean "fast"'),
        (("keys", "create", "--team", "data-sciense"), 2, 'did you mean "data-science"'),
        (("keys", "show", "nobody"), 1, ""),
        (("keys", "revoke", "tester"), 1, ""),
        (("keys", "rotate", "nobody", "--grace", "1 hour"), 2, "duration"),
        (("usage", "--by", "teem"), 2, 'did you mean "team"'),
        (("usage", "--from", "2026-01-02", "--to", "2026-01-01"), 2, "before"),
        (("requests", "show", "req_0"), 1, ""),
        (("requests", "search", "--filter", "teem=a"), 2, "did you mean `team`"),
    ],
)
def test_what_is_refused(shell: Shell, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = shell.run(*arguments)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    machine = shell.run(*arguments, "--json")
    assert machine.returncode == code
    assert set(json.loads(machine.stdout)["error"]) == {"message", "param", "code"}


def test_hostile_names_do_not_break_a_table(shell: Shell) -> None:
    shell.ok("keys", "create", "--name", "\u202e\x9b31mevil")
    shell.ok("keys", "create", "--metadata", "note=\x1b[2J\n'; drop table keys; --")
    for command in (("keys", "list"), ("audit", "list")):
        for line in shell.ok(*command).splitlines():
            assert line.isprintable()


def test_the_audit_log(shell: Shell, tmp_path: Path) -> None:
    key = shell.json("keys", "create")["id"]
    head = shell.ok("audit", "head")
    (tmp_path / "head.json").write_text(head)
    shell.ok("keys", "revoke", key)
    assert re.fullmatch(r"ok: \d+ entries\n", shell.ok("audit", "verify"))
    assert shell.json("audit", "verify", "--head", str(tmp_path / "head.json"))["ok"] is True
    assert "ok:" in shell.ok("audit", "verify", "--head", "-", stdin=head)
    forged = json.dumps({**json.loads(head), "signature": "00" * 32})
    refused = shell.run("audit", "verify", "--head", "-", stdin=forged)
    assert (refused.returncode, "sign" in refused.stderr) == (2, True), refused.stderr
    entries = shell.json("audit", "list", "--object", key)["data"]
    assert [entry["action"] for entry in entries] == ["revoke", "create"]
    assert all(entry["actor"].startswith("admin:cli") for entry in entries)


def test_usage_and_requests_while_it_runs_and_afterwards(served: Shell) -> None:
    program = served.program
    assert program is not None
    for number in range(3):
        assert program.ask("fast" if number else "none-such").status_code == (200 if number else 404)
    until(lambda: len(served.json("requests", "search")["data"]) == 3, "the requests are in the store")
    for way in ("gateway", "store"):
        if way == "store":
            assert program.stop() == 0
            served.program = None
        records = served.json("requests", "search")["data"]
        assert sorted(record["status"] for record in records) == [200, 200, 404]
        one = served.json("requests", "show", records[0]["id"])
        assert one["id"] == records[0]["id"]
        assert records[0]["id"] in served.ok("requests", "search", "--limit", "1")
        assert re.search(r"^key +tester$", served.ok("requests", "show", records[0]["id"]), re.MULTILINE)
        failed = served.json("requests", "search", "--filter", "status.gte=400", "--from", "1h")["data"]
        assert [record["status"] for record in failed] == [404]
        assert sum(row["requests"] for row in served.json("usage", "--by", "key")["data"]) == 3
        [row] = csv.DictReader(io.StringIO(served.ok("usage", "--by", "route", "--csv", "--filter", "route=fast")))
        assert (row["route"], row["requests"], row["errors"]) == ("fast", "2", "0")
        lines = served.ok("usage", "--by", "key,route", "--per", "day").splitlines()
        assert lines[0].split()[:4] == ["START", "KEY", "ROUTE", "REQUESTS"]
        assert len(lines) >= 2


@pytest.fixture
def tailing(served: Shell) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    running: list[subprocess.Popen[str]] = []

    def tail(*arguments: str) -> subprocess.Popen[str]:
        assert served.program is not None
        process = subprocess.Popen(
            # A shell's background job, which these tests may be, hands its ignored SIGINT on to all of its children.
            ["env", "--default-signal=INT", TOLLWAY, "tail", *arguments],
            cwd=served.folder,
            env=environment(TOLLWAY_ADMIN_URL=served.program.admin, TOLLWAY_ADMIN_TOKEN=TOKEN),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield tail
    for process in running:
        process.kill()
        process.communicate()


def _until_seen(program: Program, process: subprocess.Popen[str], model: str = "fast") -> dict[str, Any]:
    """Ask until the tail, which sees only what comes after its start, shows one."""
    assert process.stdout is not None
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.append(process.stdout.readline()))  # type: ignore[union-attr]
    reader.start()

    def seen() -> bool:
        program.ask(model)
        reader.join(0.2)
        return not reader.is_alive()

    until(seen, "the tail shows a request")
    found: dict[str, Any] = json.loads(lines[0])
    return found


def test_tail_survives_a_restart_of_the_control_plane(
    served: Shell, tailing: Callable[..., subprocess.Popen[str]]
) -> None:
    program = served.program
    assert program is not None
    process = tailing("--json")
    first = _until_seen(program, process)
    assert first["route"] == "fast"
    (child,) = program.children()
    os.kill(child, signal.SIGKILL)
    request = program.ask("fast").headers["x-request-id"]
    program.event("control-plane.back")
    assert process.stdout is not None
    seen = [first["id"]]
    while seen[-1] != request:
        seen.append(json.loads(process.stdout.readline())["id"])
    assert len(set(seen)) == len(seen), "each is shown once"
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0


def test_tail_filters(served: Shell, tailing: Callable[..., subprocess.Popen[str]]) -> None:
    program = served.program
    assert program is not None
    process = tailing("--json", "--errors", "--key", "tester")
    assert _until_seen(program, process, "none-such")["status"] == 404
    program.ask("fast")
    assert process.stdout is not None
    program.ask("none-such")
    assert json.loads(process.stdout.readline())["status"] == 404


def test_tail_needs_a_gateway(config: Path) -> None:
    config.write_text(CONFIG.replace('admin = "127.0.0.1:0"', 'admin = "127.0.0.1:9"'))
    done = run("tail", "--config", str(config), cwd=config.parent)
    assert done.returncode == 1
    assert "needs one that runs" in done.stderr


def test_a_store_that_a_gateway_holds_is_not_opened(served: Shell) -> None:
    """Its admin API cannot be found from the file alone: port 0."""
    assert served.program is not None
    assert served.program.admin
    done = run("keys", "list", cwd=served.folder)
    assert done.returncode == 1
    assert f"belongs to process {served.program.process.pid}" in done.stderr
    assert "--admin-url" in done.stderr


def test_explain(config: Path, tmp_path: Path) -> None:
    config.write_text(CONFIG + TEAMS)
    before = sorted(tmp_path.iterdir())
    told = json.loads(run("explain", "--model", "fast", "--key", "tester", "--json", cwd=tmp_path).stdout)
    assert (told["key"]["id"], told["route"], told["error"]) == ("tester", "fast", None)
    assert told["targets"][0]["eligible"] is True
    (tmp_path / "body.json").write_text('{"model": "fast", "messages": [{"role": "user", "content": "Hello"}]}')
    people = run("explain", "--model", "fast", "--body", "body.json", cwd=tmp_path)
    assert people.returncode == 0, people.stderr
    assert re.search(r"^route +fast$", people.stdout, re.MULTILINE)
    refused = run("explain", "--model", "none-such", "--key", "tester", cwd=tmp_path)
    assert refused.returncode == 1
    assert "model_not_found" in refused.stdout
    (tmp_path / "bad.json").write_text('{"model": "fast", "model": "fast"}')
    malformed = run("explain", "--model", "fast", "--body", "bad.json", cwd=tmp_path)
    assert (malformed.returncode, "invalid_request" in malformed.stdout) == (1, True)
    assert sorted(path for path in tmp_path.iterdir() if path.suffix != ".json") == before


def test_explain_counts_and_prices_each_target(config: Path, tmp_path: Path) -> None:
    own = 'prices."gpt-4o" = { input_per_mtok = 2, output_per_mtok = 10 }'
    exact = f'[providers.exact]\ntype = "openai-compatible"\nbase_url = "http://127.0.0.1:9/v1"\n{own}\n'
    targets = ('{ provider = "exact", model = "gpt-4o" }', '{ provider = "exact", model = "claude-sonnet-4-5" }')
    route = f'[routes.both]\nstrategy = "fallback"\ntargets = [{", ".join(targets)}]\n'
    config.write_text(CONFIG + exact + route)
    asked = {"model": "both", "max_tokens": 100, "n": 2, "messages": [{"role": "user", "content": "hello " * 2000}]}
    (tmp_path / "body.json").write_text(json.dumps(asked))
    told = json.loads(run("explain", "--model", "both", "--body", "body.json", "--json", cwd=tmp_path).stdout)
    names = ("estimated_input_tokens", "tokens_exact", "estimated_cost_nano", "most_cost_nano")
    first, second = ([one[name] for name in names] for one in told["targets"])
    # 2,000 words, the space at the end, and 7 of framing; 12,000 bytes would be 3,000 tokens.
    assert first == [2008, True, 2008 * 2_000, 2008 * 2_000 + 200 * 10_000]
    assert [told[name] for name in names] == first
    assert second[0] > 2008
    assert second[1:] == [False, None, None], "its family's count is an approximation, and it has no price"
    people = run("explain", "--model", "both", "--body", "body.json", cwd=tmp_path).stdout
    assert re.search(r"^input tokens +2008$", people, re.MULTILINE)
    assert re.search(r"claude-sonnet-4-5 +~\d+", people)


def test_explain_knows_the_keys_of_the_store(shell: Shell) -> None:
    key = shell.json("keys", "create", "--team", "data-science")["id"]
    told = shell.json("explain", "--model", "fast", "--key", key)
    assert (told["key"]["id"], told["key"]["team"], told["error"]) == (key, "data-science", None)
    narrowed = shell.run("explain", "--model", "slow", "--key", key)
    assert (narrowed.returncode, "model_not_allowed" in narrowed.stdout) == (1, True), "its team narrows it"
    shell.ok("keys", "revoke", key)
    assert "key_revoked" in shell.run("explain", "--model", "fast", "--key", key).stdout
    assert shell.run("explain", "--model", "fast", "--key", "nobody000000").returncode == 1


def test_doctor_of_a_machine_at_rest(config: Path) -> None:
    before = sorted(config.parent.iterdir())
    done = run("doctor", "--json", "--config", str(config), cwd=config.parent)
    said = json.loads(done.stdout)
    states = {check["name"]: check["state"] for check in said["checks"]}
    assert states["configuration"] == states["clock"] == states["data plane"] == states["store"] == "ok", said
    assert said["ok"] is (done.returncode == 0)
    assert sorted(config.parent.iterdir()) == before


def test_doctor_of_a_gateway_that_runs(served: Shell) -> None:
    said = json.loads(served.run("doctor", "--json").stdout)
    states = {check["name"]: check["state"] for check in said["checks"]}
    assert [states[name] for name in ("admin API", "admin token", "store", "journal")] == ["ok"] * 4, said
    wrong = served.run("doctor", TOLLWAY_ADMIN_TOKEN="wrong")
    assert wrong.returncode == 1
    assert re.search(r"^fail  admin token", wrong.stdout, re.MULTILINE)


def test_doctor_says_what_to_do(config: Path) -> None:
    config.write_text(CONFIG.replace("listen =", "lisen =", 1))
    done = run("doctor", "--config", str(config), cwd=config.parent)
    assert done.returncode == 1
    assert "unknown key `lisen`" in done.stdout
    assert f"tollway check {config}" in done.stdout


def test_doctor_finds_a_port_that_is_taken(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0)
        port = other.getsockname()[1]
        config.write_text(CONFIG.replace('listen = "127.0.0.1:0"', f'listen = "127.0.0.1:{port}"'))
        done = run("doctor", "--config", str(config), cwd=config.parent)
    assert re.search(rf"^(warn|fail)  data plane +another program.*{port}", done.stdout, re.MULTILINE), done.stdout


def test_doctor_connects_to_the_providers_only_when_told(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as provider, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        there, gone = provider.getsockname()[1], closed.getsockname()[1]
        config.write_text(
            CONFIG + f'\n[providers.there]\ntype = "openai-compatible"\nbase_url = "http://127.0.0.1:{there}/v1"\n'
            f'\n[providers.gone]\ntype = "openai-compatible"\nbase_url = "http://127.0.0.1:{gone}/v1"\n'
        )
        offline = json.loads(run("doctor", "--json", "--config", str(config), cwd=config.parent).stdout)
        assert not any(check["name"].startswith("provider") for check in offline["checks"])
        online = run("doctor", "--online", "--json", "--config", str(config), cwd=config.parent)
    states = {check["name"]: check["state"] for check in json.loads(online.stdout)["checks"]}
    assert (states["provider there"], states["provider gone"], online.returncode) == ("ok", "fail", 1)
