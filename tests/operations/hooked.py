"""A gateway whose routes have policies."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.operations import policies
from tests.support.gateway import RunningGateway, minimal


def hook(function: str, on: str = "request", timeout: str = "10s", on_failure: str = "closed") -> dict[str, object]:
    """One entry of a route's `hooks`."""
    return {"call": f"policies:{function}", "on": on, "timeout": timeout, "on_failure": on_failure}


def hooked_gateway(
    upstream_url: str, folder: Path, routes: Mapping[str, Sequence[Mapping[str, object]]], hook_threads: int = 4
) -> RunningGateway:
    """A gateway with these routes to `up-model`, each with its hooks; `m` has none."""
    folder.mkdir(exist_ok=True)
    shutil.copy(Path(policies.__file__), folder / "policies.py")
    tables = {
        name: {"provider": "up", "model": "up-model", "max_retries": 0, "hooks": list(hooks)}
        for name, hooks in routes.items()
    }
    text = minimal(
        upstream_url,
        server={"hook_threads": hook_threads},
        routes=tables,
        keys={"of-team": {"secret": "env:TEST_TEAM_KEY", "team": "interns"}},
    )
    return RunningGateway(text, folder, TEST_TEAM_KEY=TEAM_KEY)


TEAM_KEY = "canary-team-virtual-key"


def release(gateway: RunningGateway) -> None:
    """Let the hooks that are stuck go on."""
    (gateway.folder / "release").touch()
