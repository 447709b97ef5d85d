"""What `tollway check` finds wrong with an adapter, and where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tollway.config import api as config
from tollway.errors import HookError
from tollway.policy.load import HookRegistry, LoadedHook

Module = Callable[[str], str]

GOOD = """
class Good:
    path = "/a"
    def request(self, body): ...
    def response(self, body): ...
    def event(self, event): ...

class Odd(Good):
    {}
"""


@pytest.fixture
def registry(tmp_path: Path) -> HookRegistry:
    registry = HookRegistry()
    registry.add_folder(tmp_path)
    return registry


def test_a_good_one_is_declared_under_a_number_of_its_own(registry: HookRegistry, module: Module) -> None:
    name = module(GOOD.format('headers = {"X-A": "1"}; stream_path = "/b"; dialect = "gemini"'))
    good, odd = registry.adapter(f"{name}:Good"), registry.adapter(f"{name}:Odd")
    assert (good.path, good.stream_path, good.dialect, good.is_async) == ("/a", "/a", "openai", False)
    assert (odd.stream_path, odd.dialect, odd.headers) == ("/b", "gemini", {"x-a": "1"})
    assert registry.adapter(f"{name}:Good") == good
    assert good.id != odd.id
    assert not isinstance(registry.lookup(good.id), LoadedHook)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("path = None", "has no `path`"),
        ("path = 'a b'", "is no path"),
        ("event = None", "has no method `event`"),
        ("def response(self): ...", "cannot be called with one argument, the answer"),
        ("def __init__(self, key): ...", "cannot be made without arguments"),
        ("async def event(self, event): ...", "either all or none"),
        ("dialect = 'openai-completions'", "is none of openai, openai-responses, anthropic, gemini"),
        ("headers = {'a': 'b\\nc'}", "is no dict of headers"),
        ("auth_header = 'a b'", "cannot stand in a header"),
    ],
)
def test_what_is_wrong_is_said(registry: HookRegistry, module: Module, body: str, said: str) -> None:
    with pytest.raises(HookError, match=said):
        registry.adapter(f"{module(GOOD.format(body))}:Odd")


def test_check_names_file_line_and_column(registry: HookRegistry, module: Module, tmp_path: Path) -> None:
    name = module("class Empty: ...\n")
    file = tmp_path / "tollway.toml"
    table = '[providers.{}]\ntype = "python"\nbase_url = "http://127.0.0.1:1"\nadapter = "{}"\n'
    file.write_text(table.format("a", f"{name}:Empty") + table.format("b", "nowhere:Else"))
    found = config.check(file, resolve_hook=registry.resolve, resolve_adapter=registry.adapter)
    assert [(one.code, one.line, one.column) for one in found if one.severity == "error"] == [
        ("bad-adapter", 4, 11),
        ("bad-adapter", 8, 11),
    ]
    assert "has no method `request`" in found[0].message
    assert "there is no module `nowhere`" in found[1].message


def test_an_adapter_must_be_named_and_says_its_dialect_itself(tmp_path: Path) -> None:
    file = tmp_path / "tollway.toml"
    file.write_text('[providers.a]\ntype = "python"\nbase_url = "http://127.0.0.1:1"\n')
    assert [one.code for one in config.check(file) if one.severity == "error"] == ["missing-key"]
    file.write_text(file.read_text() + 'adapter = "a:B"\ndialects = ["openai"]\n')
    assert [one.code for one in config.check(file) if one.severity == "error"] == ["no-effect"]
