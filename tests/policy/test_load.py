"""From `module:function` to a callable."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tollway.errors import HookError
from tollway.policy.load import HookRegistry, LoadedHook

Module = Callable[[str], str]


@pytest.fixture
def registry(tmp_path: Path) -> HookRegistry:
    registry = HookRegistry()
    registry.add_folder(tmp_path)
    return registry


def test_plain_and_async_hooks_are_told_apart(registry: HookRegistry, module: Module) -> None:
    name = module(
        "import functools\n"
        "def plain(request): ...\n"
        "async def later(request): ...\n"
        "async def two(limit, request): ...\n"
        "bound = functools.partial(two, 1)\n"
        "class Check:\n"
        "    async def __call__(self, request): ...\n"
        "    def method(self, request): ...\n"
        "check = Check()\n"
    )
    asynchronous = {
        call: registry.resolve(f"{name}:{call}")[1] for call in ("plain", "later", "bound", "check", "check.method")
    }
    assert asynchronous == {"plain": False, "later": True, "bound": True, "check": True, "check.method": False}


def test_a_hook_keeps_its_number_and_another_never_gets_it(registry: HookRegistry, module: Module) -> None:
    name = module("def one(request): ...\ndef two(request): ...\n")
    first, _ = registry.resolve(f"{name}:one")
    second, _ = registry.resolve(f"{name}:two")
    assert first != second
    assert registry.resolve(f"{name}:one")[0] == first

    old = sys.modules[name].one
    sys.modules[name].one = lambda _: None  # type: ignore[attr-defined]
    third, _ = registry.resolve(f"{name}:one")
    assert third not in (first, second)
    kept, changed = registry.lookup(first), registry.lookup(third)
    assert isinstance(kept, LoadedHook)
    assert isinstance(changed, LoadedHook)
    assert kept.function is old
    assert changed.function is not old


def test_a_changed_module_is_not_imported_again(registry: HookRegistry, module: Module, tmp_path: Path) -> None:
    name = module("def check(request): return 1\n")
    number, _ = registry.resolve(f"{name}:check")
    (tmp_path / f"{name}.py").write_text("def check(request): return 2\n")
    assert registry.resolve(f"{name}:check")[0] == number


def test_an_installed_module_comes_before_one_of_the_folder(registry: HookRegistry, tmp_path: Path) -> None:
    (tmp_path / "colorsys.py").write_text("def rgb_to_hsv(request): raise RuntimeError\n")
    sys.modules.pop("colorsys", None)
    with pytest.raises(HookError, match="one argument"):
        registry.resolve("colorsys:rgb_to_hsv")  # the standard one takes three


def test_the_folder_is_added_once(registry: HookRegistry, tmp_path: Path) -> None:
    registry.add_folder(tmp_path)
    assert sys.path.count(str(tmp_path)) == 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("no_colon", "module:function"),
        (":f", "module:function"),
        ("m:", "module:function"),
        ("../m:f", "module:function"),
        ("no_such_module_here:f", "there is no module `no_such_module_here`"),
        ("no_such.module:f", "there is no module `no_such`"),
        ("{}:missing", "has no `missing`"),
        ("{}:VALUE", "is not a function"),
        ("{}:Class", "is not a function"),
        ("{}:nothing", "one argument"),
        ("{}:two", "one argument"),
    ],
)
def test_what_cannot_be_used_is_said(registry: HookRegistry, module: Module, call: str, said: str) -> None:
    name = module("VALUE = 1\nclass Class:\n    def __init__(self, r): ...\ndef nothing(): ...\ndef two(a, b): ...\n")
    with pytest.raises(HookError, match=said):
        registry.resolve(call.format(name))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_library\n", "needs the module `no_such_library`"),
        ("def f(:\n", "line 1 is not Python"),
        ("x = 1\nraise RuntimeError('canary')\n", r"RuntimeError at .*:2"),
        ("import sys\nsys.exit('canary')\n", r"SystemExit at .*:2"),
    ],
)
def test_a_module_that_fails_to_import(registry: HookRegistry, module: Module, source: str, said: str) -> None:
    with pytest.raises(HookError, match=said) as caught:
        registry.resolve(f"{module(source)}:f")
    assert "canary" not in str(caught.value)
    assert registry.empty
