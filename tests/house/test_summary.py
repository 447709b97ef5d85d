"""scripts/summary.py: no failure may be lost on its way into the last line."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

RUST = """\
test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s
"""
PYTHON = '<testsuites><testsuite tests="10" failures="{failures}" errors="{errors}" skipped="2"/></testsuites>'
NODE = "# tests 3\n# pass 3\n# fail {fail}\n# cancelled 0\n# skipped 0\n# todo 0\n"
REPORTS = {"rust.txt": RUST, "python.xml": PYTHON.format(failures=0, errors=0), "node.tap": NODE.format(fail=0)}


def summary(folder: Path, reports: dict[str, str], tests_exit: int = 0, lint_exit: int = 0) -> tuple[int, str]:
    for name, text in reports.items():
        (folder / name).write_text(text)
    arguments = [str(folder), "--tests-exit", str(tests_exit), "--lint-exit", str(lint_exit)]
    ended = subprocess.run(
        [sys.executable, ROOT / "scripts/summary.py", *arguments], capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stdout.splitlines()[-1]


def test_all_suites_are_summed(tmp_path: Path) -> None:
    assert summary(tmp_path, REPORTS) == (0, "26 passed, 0 failed, 3 skipped")


@pytest.mark.parametrize(
    ("change", "last"),
    [
        ({"rust.txt": "error: could not compile"}, "11 passed, 1 failed, 2 skipped"),
        ({"rust.txt": RUST.replace("3 passed; 0 failed", "2 passed; 1 failed")}, "25 passed, 1 failed, 3 skipped"),
        ({"python.xml": PYTHON.format(failures=1, errors=2)}, "23 passed, 3 failed, 3 skipped"),
        ({"node.tap": NODE.format(fail=2)}, "26 passed, 2 failed, 3 skipped"),
        ({"node.tap": "TAP version 13\n"}, "23 passed, 1 failed, 3 skipped"),
        ({"node.tap": NODE.format(fail=0).replace("pass 3", "pass 0")}, "23 passed, 1 failed, 3 skipped"),
    ],
)
def test_a_failure_in_any_suite_fails(tmp_path: Path, change: dict[str, str], last: str) -> None:
    assert summary(tmp_path, REPORTS | change) == (1, last)


def test_a_suite_without_a_report_fails(tmp_path: Path) -> None:
    reports = {name: text for name, text in REPORTS.items() if name != "node.tap"}
    assert summary(tmp_path, reports) == (1, "23 passed, 1 failed, 3 skipped")


@pytest.mark.parametrize("exits", [(2, 0), (0, 2)])
def test_an_exit_status_that_no_report_explains_fails(tmp_path: Path, exits: tuple[int, int]) -> None:
    assert summary(tmp_path, REPORTS, *exits) == (1, "26 passed, 1 failed, 3 skipped")
