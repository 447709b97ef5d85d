"""What is measured: benches/scenarios.toml as values. A file that cannot be meant is refused, with the place named."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from benches.harness import expression

FILE = Path(__file__).resolve().parents[1] / "scenarios.toml"

Kind = Literal["nginx", "tollway", "direct"]
T = TypeVar("T")


class ScenarioError(ValueError):
    """A scenario file that cannot be meant; the text names the place."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a scenario sends its load to. `direct` is the mock upstream itself.

    Of its keys and routes, requests use the first `used`, each key with the route of its number.
    """

    kind: Kind
    keys: int = 1
    routes: int = 1
    used: int = 1
    guardrail: bool = False
    hook: str | None = None
    hook_threads: int = 4
    dialect: Literal["chat", "responses", "anthropic", "gemini"] = "chat"
    """What its provider is spoken to in; its callers speak chat."""
    dead: bool = False
    """Whether its routes ask another provider first, which nobody answers for."""


@dataclass(frozen=True, slots=True)
class Load:
    """How the load is made: the options of `tollway-load`."""

    mode: Literal["closed", "open"] = "closed"
    connections: int = 64
    rate: int = 1000
    stream: bool = False
    bytes: int = 1024
    text: Literal["plain", "dense", "pii"] = "plain"
    verify: Literal["exact", "text", "complete"] = "exact"


@dataclass(frozen=True, slots=True)
class Upstream:
    """How the mock answers: the options of `tollway-mock-upstream`."""

    latency: str = "0"
    size: int = 1024
    chunks: int = 64
    chunk_size: int = 16
    gap: str = "0"


@dataclass(frozen=True, slots=True)
class Memory:
    """How much load the memory must stay flat under."""

    first: int = 100_000
    last: int = 1_000_000
    streams: int = 10_000
    watch: float = 10.0


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of the result: expressions over what was measured, and what they must and are to be."""

    name: str
    value: str
    unit: str = "µs"
    compare: str | None = None
    must: str | None = None
    aim: str | None = None
    better: Literal["lower", "higher"] = "lower"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of load, or of start, and the rows that it fills."""

    name: str
    title: str
    rows: tuple[Row, ...]
    kind: Literal["load", "memory", "cold-start"] = "load"
    rounds: int = 3
    seconds: float = 5.0
    warm_up: float = 1.0
    load: Load = field(default_factory=Load)
    upstream: Upstream = field(default_factory=Upstream)
    memory: Memory = field(default_factory=Memory)
    subjects: Mapping[str, Subject] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gate:
    """When a change is a regression: the ratio of the working tree to the base above which it is one."""

    scenarios: tuple[str, ...]
    rounds: int
    seconds: float
    confidence: float
    cpu: float
    p50: float
    instructions: float
    patience: float = 0.0


USUAL = {kind: Subject(kind) for kind in ("nginx", "tollway", "direct")}
"""The subjects of a scenario that names none."""


def load(path: Path = FILE) -> tuple[dict[str, Scenario], Gate]:
    """The scenarios by name, and the gate's settings. Raises `ScenarioError`."""
    return parse(path.read_text())


def parse(text: str) -> tuple[dict[str, Scenario], Gate]:
    """As `load`, for a file's text."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(str(error)) from None
    if set(tables) != {"scenarios", "gate"}:
        raise ScenarioError(f"the tables are `scenarios` and `gate`, not {sorted(tables)}")
    scenarios = {name: _scenario(name, table) for name, table in tables["scenarios"].items()}
    gate = _build(Gate, {**tables["gate"], "scenarios": tuple(tables["gate"].get("scenarios", ()))}, "gate")
    if unknown := set(gate.scenarios) - set(scenarios):
        raise ScenarioError(f"gate: no scenario is named {sorted(unknown)}")
    return scenarios, gate


def _scenario(name: str, table: dict[str, Any]) -> Scenario:
    subjects = {key: _build(Subject, value, f"{name}.{key}") for key, value in table.get("subjects", {}).items()}
    parts = {
        "name": name,
        "rows": tuple(_build(Row, row, f"{name}.rows") for row in table.get("rows", ())),
        "load": _build(Load, table.get("load", {}), f"{name}.load"),
        "upstream": _build(Upstream, table.get("upstream", {}), f"{name}.upstream"),
        "memory": _build(Memory, table.get("memory", {}), f"{name}.memory"),
        "subjects": subjects or USUAL,
    }
    scenario = _build(Scenario, {**table, **parts}, name)
    for row in scenario.rows:
        for text in (row.value, row.compare, row.must, row.aim):
            _check(scenario, row, text)
    return scenario


def _check(scenario: Scenario, row: Row, text: str | None) -> None:
    try:
        named = {subject for subject, _metric in expression.names(text)} if text is not None else set()
    except expression.ExpressionError as error:
        raise ScenarioError(f"{scenario.name}, {row.name}: {error}") from None
    if unknown := named - set(scenario.subjects):
        raise ScenarioError(f"{scenario.name}, {row.name}: no subject is named {sorted(unknown)}")


def _build(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """A value of a dataclass, of which no setting may be unknown: a typing error must not leave a default in force."""
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    if unknown := set(values) - known:
        raise ScenarioError(f"{where}: unknown {sorted(unknown)}; there are {sorted(known)}")
    try:
        return kind(**values)
    except TypeError as error:
        raise ScenarioError(f"{where}: {error}") from None
