"""The commands that end by themselves: what they print, and their exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from tests.cli.program import CONFIG, KEY, run

WARNS = CONFIG.replace('"env:TEST_KEY"', '"sk-written-in-the-file"')


def test_version(tmp_path: Path) -> None:
    assert run("version", cwd=tmp_path).stdout.startswith("tollway 0.")
    assert json.loads(run("version", "--json", cwd=tmp_path).stdout)["version"].startswith("0.")


def test_schema_is_a_json_schema_that_refuses_what_check_refuses(tmp_path: Path) -> None:
    done = run("schema", cwd=tmp_path)
    assert done.returncode == 0
    schema = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    with pytest.raises(jsonschema.ValidationError, match="lisen"):
        jsonschema.validate({"server": {"lisen": "127.0.0.1:1"}}, schema)


def test_check_of_a_right_file(tmp_path: Path, config: Path) -> None:
    done = run("check", str(config), cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{config}: ok\n", "")


def test_check_takes_the_file_of_the_working_directory(tmp_path: Path, config: Path) -> None:
    assert run("check", cwd=config.parent).stdout == "tollway.toml: ok\n"
    empty = tmp_path / "empty"
    empty.mkdir()
    missing = run("check", cwd=empty)
    assert missing.returncode == 2
    assert "tollway.toml:1:1" in missing.stdout


def test_check_shows_each_mistake_with_its_place(tmp_path: Path, config: Path) -> None:
    config.write_text(CONFIG.replace("listen =", "lisen =", 1).replace('provider = "slow"', 'provider = "slo"'))
    done = run("check", str(config), cwd=tmp_path)
    assert done.returncode == 2
    for part in (f"{config}:3:1", "did you mean `listen`", 'did you mean "slow"', "2 errors"):
        assert part in done.stdout
    machine = run("check", "--json", str(config), cwd=tmp_path)
    assert machine.returncode == 2
    answer = json.loads(machine.stdout)
    assert answer["ok"] is False
    assert {"file", "line", "column", "severity", "code", "message", "hint"} == set(answer["diagnostics"][0])
    assert [one["severity"] for one in answer["diagnostics"]] == ["error", "error"]


def test_check_of_warnings(tmp_path: Path, config: Path) -> None:
    config.write_text(WARNS)
    done = run("check", str(config), cwd=tmp_path)
    assert done.returncode == 0
    assert "warning" in done.stdout
    assert done.stdout.endswith(f"{config}: ok\n")
    assert "sk-written" not in done.stdout
    assert run("check", "--strict", str(config), cwd=tmp_path).returncode == 2


def test_check_finds_hooks_that_cannot_be_used(tmp_path: Path, config: Path) -> None:
    hook = '[routes.fast]\nhooks = [ { call = "house_rules:check", timeout = "50ms", on_failure = "closed" } ]\n'
    config.write_text(CONFIG.replace("[routes.fast]\n", hook))
    missing = run("check", str(config), cwd=tmp_path)
    assert missing.returncode == 2
    assert "there is no module `house_rules`" in missing.stdout
    (config.parent / "house_rules.py").write_text("def check(request): ...\n")
    assert run("check", str(config), cwd=tmp_path).returncode == 0


def test_check_leaves_no_file(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "tollway.toml").write_text('[providers.m]\ntype = "mock"\n[routes.m]\nprovider = "m"\nmodel = "m"\n')
    assert run("check", cwd=folder).returncode == 0
    assert [path.name for path in folder.iterdir()] == ["tollway.toml"]


def test_a_hashed_key_is_the_same_from_standard_input_and_argument(tmp_path: Path, config: Path) -> None:
    arguments = ("keys", "hash", "--config", str(config))
    piped = run(*arguments, cwd=tmp_path, stdin=f"{KEY}\n")
    assert piped.returncode == 0
    assert len(piped.stdout.strip()) == 64
    assert run(*arguments, KEY, cwd=tmp_path).stdout == piped.stdout
    assert json.loads(run(*arguments, "--json", KEY, cwd=tmp_path).stdout) == {"hash": piped.stdout.strip()}
    assert run(*arguments, f"{KEY}x", cwd=tmp_path).stdout != piped.stdout


def test_a_key_that_is_too_short_or_a_file_that_is_not_there(tmp_path: Path, config: Path) -> None:
    short = run("keys", "hash", "--config", str(config), cwd=tmp_path, stdin="short\n")
    assert (short.returncode, short.stdout) == (2, "")
    assert "16 characters" in short.stderr
    (tmp_path / "empty").mkdir()
    nowhere = run("keys", "hash", cwd=tmp_path / "empty", stdin=f"{KEY}\n")
    assert (nowhere.returncode, nowhere.stdout) == (2, "")
    assert KEY not in nowhere.stderr
    config.write_text("[server]\nlisen = 1\n")
    wrong = run("keys", "hash", "--config", str(config), cwd=tmp_path, stdin=f"{KEY}\n")
    assert (wrong.returncode, wrong.stdout) == (2, "")


@pytest.mark.parametrize("arguments", [("nothing",), ("serve", "--nothing"), ("keys", "nothing"), ("check", "a", "b")])
def test_a_command_that_is_not_there_is_bad_input(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run(*arguments, cwd=tmp_path).returncode == 2


def test_only_what_works_is_offered(tmp_path: Path) -> None:
    text = run("--help", cwd=tmp_path, NO_COLOR="1", COLUMNS="200").stdout
    offered = ("serve", "check", "schema", "keys", "version", "explain", "usage", "tail", "requests", "audit", "doctor")
    assert all(command in text for command in offered)
    assert not any(command in text for command in ("import", "bench"))


def test_providers_are_listed_with_what_they_mind(tmp_path: Path) -> None:
    shown = run("providers", cwd=tmp_path)
    assert shown.returncode == 0
    assert re.search(r"^mistral +openai +https://api\.mistral\.ai/v1 +recorded$", shown.stdout, re.MULTILINE)
    listed = {one["type"]: one for one in json.loads(run("providers", "--json", cwd=tmp_path).stdout)}
    assert listed["mistral"]["chat"]["call_ids"] == 9
    assert {"openai", "anthropic", "gemini", "mock"} <= set(listed)
