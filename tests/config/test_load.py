"""Configurations that are right: the example, every block of the documentation, and one with every setting."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import orjson
import pytest

import tollway.providers
from tests.config.setting import resolve_hook
from tollway._dataplane import hash_key
from tollway.config import api as config
from tollway.config.shape import Shape
from tollway.config.whole import root
from tollway.errors import HookError
from tollway.providers.contract import Provider, providers

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
MANUAL = (PROJECT / "docs" / "configuration.md").read_text()
BLOCKS = {
    f"{page}-{number}": block
    for page in ("configuration", "credentials", "routing", "bedrock")
    for number, block in enumerate(
        re.findall(r"^```toml\n(.*?)^```$", (PROJECT / "docs" / f"{page}.md").read_text(), re.MULTILINE | re.DOTALL)
    )
}
GOOD = {file.stem: file.read_text() for file in sorted((HERE / "good").glob("*.toml"))}
FULL = GOOD["full"]

Write = Callable[[str], Path]


def test_manual_has_examples() -> None:
    assert len(BLOCKS) >= 14


def as_json(text: str) -> object:
    """The values of a TOML text as an editor's JSON Schema sees them: dates as texts."""
    return json.loads(json.dumps(tomllib.loads(text), default=str))


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_manual_example_loads(block: str, write: Write) -> None:
    built = config.build(write(block), resolve_hook=resolve_hook)
    assert {one.code for one in built.warnings} <= {"not-enforced", "unknown-price"}
    jsonschema.validate(as_json(block), config.json_schema(), cls=jsonschema.Draft202012Validator)


def test_example_file_loads_without_warnings(folder: Path) -> None:
    shutil.copy(PROJECT / "tollway.example.toml", folder / "tollway.toml")
    built = config.build(Path("tollway.toml"), resolve_hook=resolve_hook)
    assert built.warnings == ()
    assert str(built.listen) == "127.0.0.1:8080"


def test_full_file_uses_every_setting() -> None:
    """So that the file stays full: a new setting must be added to it."""
    assert set(_all(root(), "")) == set(_used(tomllib.loads(FULL), root(), ""))


Setting = tuple[int | str, str]


def _mark(shape: Shape, owner: str, key: str) -> Setting:
    """A setting by the table that defines it, wherever that table stands; all providers count as one."""
    return (owner or id(shape.fields), key)


def _used(value: object, shape: Shape | None, owner: str) -> Iterator[Setting]:
    assert shape is not None
    if isinstance(value, list):
        for entry in value:
            yield from _used(entry, shape.inner, owner)
    elif isinstance(value, dict):
        if shape.kind == "variants":
            shape, owner = shape.variants[value["type"]], "provider"
        for key, entry in value.items():
            if shape.kind == "table":
                yield _mark(shape, owner, key)
            yield from _used(entry, shape.entry(key, value), "")


def _all(shape: Shape | None, owner: str) -> Iterator[Setting]:
    if shape is None:
        return
    yield from _all(shape.inner, owner)
    for variant in shape.variants.values():
        yield from _all(variant, "provider")
    for key, below in shape.fields.items():
        yield _mark(shape, owner, key)
        yield from _all(below, "")


def test_full_file_loads(write: Write) -> None:
    loaded = config.load(write(FULL), resolve_hook=resolve_hook)
    assert {one.code for one in loaded.warnings} == {"not-enforced", "unknown-price", "unusable-fallback"}
    served = loaded.config
    assert served.server.max_body == 1 << 20
    assert served.server.head_timeout == 5_000
    assert served.routes["other-words"].strategy == "conditional"
    assert served.teams["data-science"].budgets[0].usd == 500 * 10**9
    assert served.tags["night"].budgets[0].usd == 500_000_000
    assert served.keys["summarizer"].expires == 1801393200
    assert served.keys["old"].expires == 1767225600


def test_manual_names_every_setting() -> None:
    quoted = " ".join(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", MANUAL, flags=re.DOTALL)))
    assert [key for _, key in _all(root(), "") if not re.search(rf"(?<![a-z_]){key}(?![a-z_])", quoted)] == []


def test_every_setting_is_described() -> None:
    schema = config.json_schema()
    assert isinstance(schema["$defs"], dict)
    for table in [schema, *schema["$defs"].values()]:
        bare = [key for key, setting in table["properties"].items() if not setting.get("description")]
        assert bare == [], table["title"]


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_schema_accepts_what_loads(text: str, write: Write) -> None:
    """The editor's view and the loader's: one must not refuse what the other takes."""
    jsonschema.validate(as_json(text), config.json_schema(), cls=jsonschema.Draft202012Validator)
    assert not any(one.severity == "error" for one in config.check(write(text), resolve_hook=resolve_hook))


def test_what_users_were_promised_loads_as_it_is(write: Write) -> None:
    """`good/promised.toml` may grow, but what stands in it keeps its meaning."""
    loaded = config.load(write(GOOD["promised"]), resolve_hook=resolve_hook)
    later = {"budgets", "limits", "cache", "priority", "classes", "on_exceed"}
    named = {re.findall("`([a-z_]+)`", one.message)[0] for one in loaded.warnings if one.code == "not-enforced"}
    assert named == later
    routes = loaded.config.routes
    assert routes["intelligent-router"].strategy == routes["in-other-words"].strategy == "conditional"
    assert [rule.when for rule in routes["in-other-words"].rules or ()] == ["task_type == 'reasoning'"]
    assert loaded.config.resilience.breaker.cooldown == 5_000


@pytest.mark.parametrize(
    "text",
    [
        'server.max_bdy = "1KiB"',
        'server.drain = "30 seconds"',
        "server.drain = -1",
        'providers.a.type = "nope"',
        'routes.a.rules = [{ provider = "a", model = "m" }]',
        'routes."a b".model = "m"',
        'keys.a.hash = "xyz"',
        'routes.a.strategy = "any"',
    ],
)
def test_schema_refuses_what_does_not_load(text: str, write: Write) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text), config.json_schema(), cls=jsonschema.Draft202012Validator)
    assert any(one.severity == "error" for one in config.check(write(text)))


def test_schema_is_valid_itself() -> None:
    schema = config.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] == "Tollway configuration"
    assert '"null"' not in json.dumps(schema)


def test_providers_are_found_by_module() -> None:
    folder = Path(tollway.providers.__file__).parent
    modules = {file.stem for file in folder.glob("*.py")} - {"__init__", "contract"}
    assert set(providers()) == {name.replace("_", "-") for name in modules}
    assert {"mock", "openai", "openai-compatible", "anthropic", "gemini"} <= set(providers())
    assert all(isinstance(provider, Provider) for provider in providers().values())


def test_an_empty_file_serves_nothing(write: Write) -> None:
    built = config.build(write(""), resolve_hook=resolve_hook)
    snapshot = orjson.loads(built.snapshot)
    assert (snapshot["providers"], snapshot["routes"], snapshot["keys"]) == ([], [], [])


def test_hooks_are_resolved_once(write: Write) -> None:
    asked: list[str] = []

    def count(call: str) -> tuple[int, bool]:
        asked.append(call)
        return resolve_hook(call)

    config.build(write(FULL), resolve_hook=count)
    assert asked == ["my_policies:check", "my_policies:review"]


def test_a_hook_that_fails_later_is_told(write: Write) -> None:
    loaded = config.load(write(FULL), resolve_hook=resolve_hook)

    def gone(call: str) -> tuple[int, bool]:
        raise HookError(call)

    with pytest.raises(HookError):
        config.build_loaded(loaded, resolve_hook=gone)


def test_watched_files(folder: Path, write: Write) -> None:
    built = config.build(write(FULL), resolve_hook=resolve_hook)
    names = {"tollway.toml", "closed.secret", "cert.pem", "key.pem", "ca.pem", "both.pem", "account.json"}
    assert {path.name for path in built.watch} == names
    assert {(folder / path).is_file() for path in built.watch} == {True}


def test_relative_paths_start_at_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "tollway.toml").write_text('[admin]\ntoken = "file:closed.secret"\n')
    monkeypatch.chdir("/")
    loaded = config.load(folder / "tollway.toml")
    assert loaded.resolved.admin_token is not None
    assert loaded.resolved.admin_token.reveal().startswith("closed-")
    assert (folder / "tollway.secret").exists()


def test_defaults_serve_the_mock_on_loopback() -> None:
    defaults = config.default_config()
    built = config.build_loaded(defaults.loaded, resolve_hook=resolve_hook)
    assert (str(built.listen), str(built.admin)) == ("127.0.0.1:8080", "127.0.0.1:8081")
    assert re.fullmatch(r"tw-[a-z0-9]{12}-[A-Za-z0-9_-]{43}", defaults.key.reveal())
    assert built.admin_token == defaults.admin_token
    snapshot = orjson.loads(built.snapshot)
    assert [route["name"] for route in snapshot["routes"]] == ["mock"]
    under = snapshot["server"]["secret"].encode()
    assert snapshot["keys"][0]["hash"] == hash_key(under, defaults.key.reveal().encode())
    assert config.default_config().key != defaults.key


def test_import_is_light() -> None:
    """No more modules than needed: what an import pulls in is what every start and every child pays for."""
    program = "import sys, tollway.config.api; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"ssl", "asyncio", "rich", "typer", "starlette", "httpx", "uvloop", "importlib.metadata"} & set(loaded)
