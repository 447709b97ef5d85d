"""Runs errands in this environment: each a line of JSON on standard input, its outcome one on standard output."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from dataclasses import asdict

from tests.clients.apps.errand import App, Errand

MODULES = {"pydantic-ai": "pydantic_ai_app", "agents": "agents_app", "llama-index": "llama_index_app"} | {
    "instructor": "instructor_app",
    "langchain": "langchain_app",
    "litellm": "litellm_app",
}


def app_of(name: str) -> App:
    """The application of this name; only its library is imported."""
    module = next(module for prefix, module in MODULES.items() if name.startswith(prefix))
    app: App = importlib.import_module(f"tests.clients.apps.{module}").APPS[name]
    return app


def main() -> None:
    outcomes = os.fdopen(os.dup(1), "w")
    # What a library prints must not be taken for an outcome.
    os.dup2(2, 1)
    for line in sys.stdin:
        said = json.loads(line)
        errand = Errand(**said["errand"])
        try:
            outcome = asdict(app_of(said["app"])(errand))
        except Exception:  # noqa: BLE001 - whoever sent for it decides
            outcome = {"error": traceback.format_exc()}
        print(json.dumps(outcome), file=outcomes, flush=True)


if __name__ == "__main__":
    main()
