"""Recorded answers of the providers, through a running gateway, to callers of each dialect.

`TOLLWAY_WIRE` names the folder of the recordings; the judge lies beside it, as `tools/replay.py`. It serves each answer
as the upstream, compares text, tool calls, why it ended, and tokens with the provider's own recording, and looks at
what reached the upstream.
"""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.gateway import KEY, RunningGateway, minimal
from tests.support.waiting import eventually

WIRE = Path(os.environ.get("TOLLWAY_WIRE", Path(__file__).resolve().parents[3] / "shared/wire"))
REPLAY = WIRE.parent / "tools/replay.py"

TARGETS = {
    "chat-completions": ("openai-compatible", "/v1", None),
    "responses": ("openai-compatible", "/v1", ["openai-responses"]),
    "anthropic": ("anthropic", "/v1", None),
    "google": ("gemini", "/v1beta", None),
    "bedrock": ("bedrock", "", None),
}
"""The provider type, the path of its base URL, and what it speaks where the module does not say, for each target."""

LATER = {"vertex-anthropic"}
"""Targets whose providers are not built yet."""

pytestmark = pytest.mark.skipif(not REPLAY.exists(), reason=f"no recorded traffic at {WIRE} (set TOLLWAY_WIRE)")


@pytest.fixture(scope="module")
def replay() -> Iterator[str]:
    """The replaying upstream's URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, REPLAY, "serve", "--port", str(port)])
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(url, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    try:
        eventually(answers, "the replaying upstream answers")
        yield url
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def gateway(replay: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    providers = {
        name: {"type": kind, "base_url": f"{replay}{path}", "api_key": "env:TEST_UPSTREAM_KEY"}
        | ({"dialects": dialects} if dialects else {})
        for name, (kind, path, dialects) in TARGETS.items()
    }
    routes = {name: {"provider": name, "model": f"{name}-model", "max_retries": 0} for name in TARGETS}
    text = minimal(replay, providers=providers, routes=routes)
    with RunningGateway(text, tmp_path_factory.mktemp("wire")) as running:
        yield running


@pytest.mark.timeout(900)
@pytest.mark.parametrize("cases", ["wire_response.dev", "wire_errors.dev"])
def test_every_recorded_answer(replay: str, gateway: RunningGateway, cases: str, tmp_path: Path) -> None:
    plain, report = tmp_path / "cases.jsonl", tmp_path / "report.jsonl"
    lines = gzip.decompress((WIRE / f"{cases}.jsonl.gz").read_bytes()).splitlines()
    served = [line for line in lines if json.loads(line)["target"] not in LATER]
    plain.write_bytes(b"\n".join(served))
    command = [sys.executable, str(REPLAY), "drive", "--cases", str(plain), "--gateway", gateway.url]
    models = json.dumps({name: name for name in TARGETS})
    subprocess.run(
        [*command, "--replay", replay, "--models", models, "--key", KEY, "--usage", "--out", report], check=True
    )
    judged = [json.loads(line) for line in report.read_text().splitlines()]
    assert len(judged) == len(served)
    numbered = {line["id"] for line in map(json.loads, served) if _ends_with_a_number(line)}
    excused = [case["id"] for case in judged if case["id"] in numbered and all("finish:" in e for e in case["errors"])]
    # The judge leaves out what Bedrock's models say with citations; test_bedrock_recorded has boto3 judge that.
    cited = {json.loads(line)["id"] for line in served if b"citationsContent" in line}
    excused += [case["id"] for case in judged if case["id"] in cited and all("text:" in e for e in case["errors"])]
    wrong = [case for case in judged if not case["ok"] and not case["net"] and case["id"] not in excused]
    contested = [case["id"] for case in wrong if case["contested"]]
    print(f"{len(judged)} judged, contested and not as recorded: {contested}")  # noqa: T201
    failed = [_told(case) for case in wrong if not case["contested"]]
    assert not failed, "\n".join([f"{len(failed)} of {len(judged)}", *_summary(wrong), *failed[:40]])


def _ends_with_a_number(case: dict[str, Any]) -> bool:
    """Whether Google's answer gives the number of a reason in place of its name, which the judge has no word for.

    Protocol buffers allow both (https://protobuf.dev/programming-guides/json). That the answer is the same otherwise,
    and the reason the right one, `rust/protocol/tests/it/gemini` shows.
    """
    answer = case["upstream_response"]
    candidates = answer.get("candidates") if isinstance(answer, dict) else None
    return any(isinstance(candidate.get("finishReason"), int) for candidate in candidates or [])


def _told(case: dict[str, Any]) -> str:
    return f"{case['id']} {case['cell']} {case['status']} {case['errors']}"


def _summary(wrong: list[dict[str, Any]]) -> list[str]:
    """How often what went wrong, by the pair of dialects."""
    counts = Counter((case["cell"], error.partition(":")[0]) for case in wrong for error in case["errors"])
    return [f"{count:5} {cell} {error}" for (cell, error), count in counts.most_common()]
