"""Secrets: no way of printing shows one, references are read where they should be, and new ones are made once."""

from __future__ import annotations

import copy
import json
import logging
import multiprocessing
import pickle
import pprint
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from tests.config.setting import CANARY, resolve_hook
from tollway.config import api as config
from tollway.config.secrets import Secret, SecretError, kept_secret, parse_reference, read_reference
from tollway.errors import ConfigError

FULL = (Path(__file__).parent / "good" / "full.toml").read_text()
Write = Callable[[str], Path]


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret(CANARY)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>40}", f"{secret!r}", "%s" % secret, "%r" % [secret]]  # noqa: UP031
    shown += [pprint.pformat({"a": secret}), repr(copy.copy(secret)), repr(copy.deepcopy([secret])), repr({secret: 1})]
    assert CANARY not in "".join(shown)
    assert secret.reveal() == CANARY


@pytest.mark.parametrize("dump", [pickle.dumps, json.dumps, orjson.dumps, vars])
def test_a_secret_cannot_be_dumped(dump: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as caught:
        dump(Secret(CANARY))
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_secrets_compare_by_value() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("é"), Secret("é"), Secret("b")}) == 2


def test_a_loaded_configuration_shows_no_secret(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    literal = '\n[keys.literal]\nsecret = "canary-6b1f0e9d2c-literal"\n'
    path = write(FULL + literal)
    with warnings.catch_warnings(record=True) as warned:
        loaded = config.load(path, resolve_hook=resolve_hook)
        built = config.build_loaded(loaded, resolve_hook=resolve_hook)
        dumped = [
            loaded.config.model_dump_json(),
            repr(loaded.config.model_dump()),
            repr(loaded.config.model_dump(mode="json")),
        ]
    logging.getLogger("tollway").warning("%s %r", loaded, built)
    shown = [repr(loaded), str(loaded.config), repr(built), pprint.pformat(built), config.render(loaded.warnings)]
    shown += [json.dumps([one.to_json() for one in loaded.warnings]), json.dumps(config.json_schema())]
    shown += [*dumped, caplog.text, repr(warned), repr(loaded.resolved), repr(config.default_config())]
    assert CANARY not in "".join(shown)
    assert CANARY.encode() in built.snapshot, "the data plane does get them"


BROKEN = [
    f'[keys.a]\nsecret = "{CANARY}"\nsecrett = "{CANARY}"\n',
    f'[keys]\na = "{CANARY}"\n',
    f'[providers.a]\ntype = "openai"\napi_keys = ["{CANARY}"]\n',
    f'[providers.a]\ntype = "nope"\napi_key = "{CANARY}"\n',
    f'[providers.a]\ntype = "openai"\napi_key = ["{CANARY}"]\n',
    f'[providers.a]\ntype = "openai"\nheaders = {{ authorization = "Bearer {CANARY}", "b d" = 3 }}\n',
    f'[providers.a]\ntype = "openai"\nbase_url = "https://{CANARY}:{CANARY}@h/v1?k={CANARY}"\n',
    f'[providers.a]\ntype = "openai"\nproxy = "http://u:{CANARY}@h:1"\n',
    f'[store]\nurl = "postgres://u:{CANARY}@h:port/d"\n[state]\nurl = "redis://:{CANARY}@h:99999"\n',
    f'[admin]\ntoken = "{CANARY}" # old: {CANARY}\nx = 1 # {CANARY}\n',
    f'[admin]\ntoken = """\n{CANARY}\n""" x\n',
    f'[admin]\ntoken = "{CANARY}\n',
    f"[admin]\ntoken = {CANARY}\n",
    f"token {CANARY}\n",
    f"[providers.a]\napi_keys = [\n  {{ key = '{CANARY}' }}\n  {{ key = '{CANARY}' }}\n]\n",
    f'[providers.a]\nheaders = {{ authorization = "Bearer {CANARY}" x }}\n',
    f'["{CANARY}" = 3\n',
    f'[server]\ndrain = "30s"  "{CANARY}"\n',
    f"base_url = https://u:{CANARY}@h/v1\n",
    f'[routes.a]\ntoken = "{CANARY}"\n[server.tls]\nsecret = "{CANARY}"\n',
    f'x = {{ a = 1, b = "{CANARY}", c = }}\n',
]


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_refused_configuration_shows_no_secret(text: str, write: Write) -> None:
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    error = caught.value
    detail = traceback.TracebackException.from_exception(error, capture_locals=True)
    in_tollway = [
        line for frame in detail.stack if "python/tollway" in frame.filename for line in (frame.locals or {}).values()
    ]
    shown = [str(error), repr(error), "".join(traceback.format_exception(error)), *in_tollway]
    shown += [json.dumps([one.to_json() for one in error.diagnostics]), repr(error.diagnostics)]
    assert CANARY not in "".join(shown)
    assert in_tollway, "the locals were looked at"
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n"])
def test_a_file_loses_its_last_line_breaks(ending: str, folder: Path) -> None:
    (folder / "s").write_bytes(f" inner \n text {ending}".encode())
    assert read_reference(parse_reference("file:s"), folder).reveal() == " inner \n text "


def test_a_large_file_is_refused(folder: Path) -> None:
    (folder / "s").write_text("x" * 70_000)
    with pytest.raises(SecretError, match="larger than 64 KiB"):
        read_reference(parse_reference("file:s"), folder)


def test_the_server_secret_is_made_once(folder: Path, write: Write) -> None:
    (folder / "data").mkdir()
    path = write('[store]\nurl = "sqlite:data/tollway.db"\n')
    config.check(path)
    assert list((folder / "data").iterdir()) == []
    first, second = config.load(path), config.load(path)
    made = folder / "data" / "tollway.secret"
    assert made.stat().st_mode & 0o777 == 0o600
    assert first.resolved.server_secret.reveal() == made.read_text().strip()
    assert len(bytes.fromhex(made.read_text())) == 32
    assert first.resolved.server_secret == second.resolved.server_secret
    assert first.resolved.admin_token == second.resolved.admin_token
    assert first.resolved.admin_token != first.resolved.server_secret
    assert sorted(one.name for one in (folder / "data").iterdir()) == ["tollway.admin-token", "tollway.secret"]


def test_a_refused_file_makes_no_secret(folder: Path, write: Write) -> None:
    path = write("[server]\nx = 1\n")
    before = sorted(folder.iterdir())
    with pytest.raises(ConfigError):
        config.load(path)
    assert sorted(folder.iterdir()) == before


def test_hashes_are_under_the_secret_that_was_made(folder: Path, write: Write) -> None:
    path = write('[keys.a]\nsecret = "env:A"\n')
    hashes = [config.load(path).resolved.key_hashes["a"] for _ in range(2)]
    assert hashes[0] == hashes[1]
    (folder / "tollway.secret").unlink()
    assert config.load(path).resolved.key_hashes["a"] != hashes[0]


@pytest.mark.parametrize("content", ["", "short\n"])
def test_a_damaged_secret_file_is_told(content: str, folder: Path, write: Write) -> None:
    (folder / "tollway.secret").write_text(content)
    [found] = config.check(write("[server]\n"))
    assert (found.code, found.line) == ("unreadable-file", 1)
    assert (folder / "tollway.secret").read_text() == content


def test_a_folder_that_is_missing_is_told(write: Write) -> None:
    path = write('[store]\nurl = "sqlite:absent/tollway.db"\n')
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    errors = [one for one in caught.value.diagnostics if one.severity == "error"]
    assert {(one.code, one.line, one.column) for one in errors} == {("unusable-path", 2, 7)}
    with pytest.raises(SecretError) as refused:
        kept_secret(Path("absent/tollway.secret"), create=True)
    assert refused.value.code == "unwritable-file"


def _make(path: str) -> str:
    return kept_secret(Path(path), create=True).reveal()


def test_processes_that_start_together_agree(folder: Path) -> None:
    path = str(folder / "race.secret")
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        made = set(pool.map(_make, [path] * 32, chunksize=1))
    assert made == {Path(path).read_text().strip()}
    assert [one.name for one in folder.glob(".race*")] == []
