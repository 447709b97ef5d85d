"""From `module:function` or `module:Class` in the configuration to it, under a number that the data plane knows."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tollway.adapter import Declared
from tollway.errors import HookError
from tollway.policy.adapters import LoadedAdapter, declare


@dataclass(frozen=True, slots=True)
class LoadedHook:
    """A hook that was found."""

    id: int
    call: str
    function: Callable[[Any], Any]
    is_async: bool


class HookRegistry:
    """Every hook and adapter that this process has looked up.

    A number means one callable for ever: calls that were begun under an old configuration still find theirs after a
    reload. The same callable keeps its number, so reloads do not let the registry grow.
    """

    def __init__(self) -> None:
        self._by_id: dict[int, LoadedHook | LoadedAdapter] = {}
        self._current: dict[str, LoadedHook] = {}
        self._adapters: dict[str, LoadedAdapter] = {}

    def add_folder(self, folder: Path) -> None:
        """Let modules in `folder` be imported; what is installed comes first, so a stray file cannot replace it."""
        path = str(folder.resolve())
        if path not in sys.path:
            sys.path.append(path)
            importlib.invalidate_caches()

    def resolve(self, call: str) -> tuple[int, bool]:
        """The number of the hook `module:function`, and whether it is asynchronous.

        Raises `HookError` where it cannot be imported or called with one argument. A module is imported once in the
        life of the process; its functions are looked up anew each time.
        """
        function = _find(call)
        known = self._current.get(call)
        if known is None or known.function is not function:
            known = LoadedHook(len(self._by_id) + 1, call, function, _is_async(function))
            self._by_id[known.id] = known
            self._current[call] = known
        return known.id, known.is_async

    def adapter(self, call: str) -> Declared:
        """What the adapter `module:Class` declares. Raises `HookError` where it cannot be imported or used."""
        found = _locate(call)
        known = self._adapters.get(call)
        if known is None or known.adapter is not found:
            known = declare(found, call, len(self._by_id) + 1)
            self._by_id[known.declared.id] = known
            self._adapters[call] = known
        return known.declared

    def lookup(self, number: int) -> LoadedHook | LoadedAdapter:
        """What `resolve` or `adapter` gave this number. Raises `KeyError` for any other."""
        return self._by_id[number]

    @property
    def empty(self) -> bool:
        """Whether no hook was ever asked for."""
        return not self._by_id


def _locate(call: str) -> object:
    module_name, colon, path = call.partition(":")
    if not colon or not all(part.isidentifier() for part in (*module_name.split("."), *path.split("."))):
        raise HookError(f"`{call}` is not of the form module:function")
    found: object = _import(module_name, call)
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise HookError(f"the module `{module_name}` has no `{path}`") from None
    return found


def _find(call: str) -> Callable[[Any], Any]:
    found = _locate(call)
    if not callable(found) or inspect.isclass(found):
        raise HookError(f"`{call}` is not a function")
    try:
        inspect.signature(found).bind(object())
    except TypeError:
        raise HookError(f"`{call}` cannot be called with one argument, the request or the response") from None
    except ValueError:
        pass  # some functions written in C tell nothing about themselves
    return found


def _import(name: str, call: str) -> object:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        if name == missing or name.startswith(f"{missing}."):
            raise HookError(
                f"there is no module `{missing}` among the installed ones or beside the configuration"
            ) from None
        raise HookError(f"importing `{name}` failed: it needs the module `{missing}`, which is not installed") from None
    except SyntaxError as error:
        raise HookError(f"importing `{name}` failed: line {error.lineno} is not Python") from None
    # Whatever an operator's module raises while it is imported, sys.exit() too, must not end a running gateway. The
    # text of the exception is left out: it may hold what the module read, such as a secret.
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        place = _last_place(error)
        raise HookError(f"importing `{name}` for `{call}` failed: {type(error).__name__}{place}") from None


def _last_place(error: BaseException) -> str:
    """Where the exception was raised, as ` at FILE:LINE`."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""


def _is_async(function: Callable[[Any], Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004
