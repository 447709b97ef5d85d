"""Which applications there are, what each can be sent for, and where they run: each environment has a worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self, get_args

from tests.clients.apps.errand import MEASURED, QUESTION, SYSTEM, WEATHER, Errand, Outcome, Task

ROOT = Path(__file__).resolve().parents[3]
FRAMEWORKS = ROOT / "target" / "frameworks" / "bin" / "python"
"""Of the libraries that cannot live with the newest clients: `make test` makes it from requirements/frameworks.txt."""

_PYTHON = ("-m", "tests.clients.apps.worker")
COMMANDS: dict[str, tuple[str, ...]] = {
    "python": (sys.executable, *_PYTHON),
    "frameworks": (str(FRAMEWORKS), *_PYTHON),
    "node": ("node", "tests/node/apps/worker.mjs"),
}

_AGENT: tuple[Task, ...] = ("ask", "tool", "report", "schema")
_OWN: tuple[Task, ...] = ("ask", "tool")
_ALL_BUT_AGENT: tuple[Task, ...] = ("ask", "tool", "form")
_AI_SDK: tuple[Task, ...] = ("ask", "tool", "schema", "form")

ROSTER: dict[str, tuple[str, tuple[Task, ...]]] = {
    "pydantic-ai-chat": ("python", _AGENT),
    "pydantic-ai-responses": ("python", _AGENT),
    "pydantic-ai-anthropic": ("python", _AGENT),
    "pydantic-ai-google": ("python", _AGENT),
    "agents-chat": ("python", ("ask", "tool", "schema")),
    "agents-responses": ("python", ("ask", "tool", "schema")),
    "langchain-chat": ("python", _ALL_BUT_AGENT),
    "langchain-responses": ("python", _ALL_BUT_AGENT),
    "litellm-openai": ("python", _ALL_BUT_AGENT),
    "litellm-anthropic": ("python", _OWN),
    "llama-index-openai-like": ("frameworks", _ALL_BUT_AGENT),
    "llama-index-anthropic": ("frameworks", _ALL_BUT_AGENT),
    "llama-index-google": ("frameworks", _ALL_BUT_AGENT),
    "instructor-openai": ("frameworks", ("form",)),
    "instructor-openai-schema": ("frameworks", ("form",)),
    "instructor-openai-responses": ("frameworks", ("form",)),
    "instructor-anthropic": ("frameworks", ("form",)),
    "ai-sdk-openai-chat": ("node", _AI_SDK),
    "ai-sdk-openai-responses": ("node", _AI_SDK),
    "ai-sdk-openai-compatible": ("node", _AI_SDK),
    "ai-sdk-anthropic": ("node", _AI_SDK),
    "ai-sdk-google": ("node", _AI_SDK),
    "node-openai-chat": ("node", _OWN),
    "node-openai-responses": ("node", _OWN),
    "node-anthropic": ("node", _OWN),
    "node-google": ("node", _OWN),
}
_WORDS = {"system": SYSTEM, "question": QUESTION, "weather": WEATHER, "measured": MEASURED}


class FailedError(Exception):
    """What the library raised, in its own words."""


class Worker:
    """A process of one environment, started once: importing such libraries takes seconds."""

    def __init__(self, environment: str) -> None:
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            COMMANDS[environment],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, app: str, errand: Errand) -> Outcome:
        """Send `app` for it; `FailedError` if the library raises."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"app": app, "errand": asdict(errand), "words": _WORDS}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the worker ended: {self._process.wait()}"
        said: dict[str, Any] = json.loads(line)
        if "error" in said:
            raise FailedError(said["error"])
        return Outcome(**said)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Some libraries take long to tidy up, and nothing here needs it.
        self._process.kill()
        self._process.communicate()


def errands() -> Iterator[tuple[str, Task, bool]]:
    """Each application, each of its tasks, whole and streamed."""
    for app, (_, tasks) in ROSTER.items():
        for task in get_args(Task):
            yield from ((app, task, stream) for stream in (False, True) if task in tasks)
