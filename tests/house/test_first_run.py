"""The first minute: `make run`, then the printed curl line, pasted as it is."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.gateway import addresses, stop

ROOT = Path(__file__).resolve().parents[2]
ANYWHERE = "ARGS=--listen 127.0.0.1:0 --admin 127.0.0.1:0"

# Run by hand, pytest may find the extension older than its sources; make has just built it.
under_make = pytest.mark.skipif("MAKELEVEL" not in os.environ, reason="only under make")


@pytest.fixture
def printed() -> Iterator[str]:
    """What `make run` prints until both planes accept; it is stopped afterwards."""
    lines: list[str] = []
    with subprocess.Popen(
        ["make", "--no-print-directory", "run", ANYWHERE],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as gateway:
        try:
            addresses(gateway, lines)
            yield "".join(lines)
        finally:
            stop(gateway)


@under_make
def test_the_printed_curl_line_works(printed: str) -> None:
    line = re.search(r"^\s*(curl .*)$", printed, re.MULTILINE)
    assert line, printed
    pasted = subprocess.run(
        ["bash", "-c", f"{line[1]} --silent --show-error --fail-with-body"], capture_output=True, text=True, check=False
    )
    assert pasted.returncode == 0, pasted.stderr + pasted.stdout
    answer = json.loads(pasted.stdout)
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"]


@under_make
def test_nothing_is_built_or_installed_again() -> None:
    asked = subprocess.run(["make", "--dry-run", "build"], cwd=ROOT, capture_output=True, text=True, check=True)
    said = [line for line in asked.stdout.splitlines() if not line.startswith("make")]
    assert said == ["scripts/services.sh run"]
