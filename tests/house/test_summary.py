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
    status, lines = printed(folder, reports, "--tests-exit", str(tests_exit), "--lint-exit", str(lint_exit))
    return status, lines[-1]


def printed(folder: Path, reports: dict[str, str], *arguments: str) -> tuple[int, list[str]]:
    for name, text in reports.items():
        (folder / name).write_text(text)
    command = [sys.executable, str(ROOT / "scripts/summary.py"), str(folder), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout.splitlines()


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


WIRE = """\
<testsuites><testsuite tests="3" failures="0" errors="0" skipped="{skipped}">
<testcase classname="tests.wire.test_a" name="test_passes"/>{case}
<testcase classname="tests.wired" name="test_elsewhere"><skipped message="no reason"/></testcase>
</testsuite></testsuites>
"""
SKIPPED = '<testcase classname="{of}" name="{name}"><skipped message="no recorded traffic"/></testcase>'


@pytest.mark.parametrize(
    ("case", "told", "last"),
    [
        ("", "tests.wire: 1 passed, 0 skipped", "20 passed, 0 failed, 2 skipped"),
        (
            SKIPPED.format(of="tests.wire.test_b", name="test_needs_it"),
            "tests.wire: tests.wire.test_b.test_needs_it must not be skipped",
            "19 passed, 1 failed, 3 skipped",
        ),
        # A module that is skipped whole.
        (
            SKIPPED.format(of="", name="tests.wire.test_b"),
            "tests.wire: tests.wire.test_b must not be skipped",
            "19 passed, 1 failed, 3 skipped",
        ),
    ],
)
def test_what_must_not_be_skipped_fails(tmp_path: Path, case: str, told: str, last: str) -> None:
    reports = REPORTS | {"python.xml": WIRE.format(skipped=2 if case else 1, case=case)}
    arguments = ["--tests-exit", "0", "--lint-exit", "0", "--whole", "tests.wire"]
    status, lines = printed(tmp_path, reports, *arguments)
    assert (status, lines[-1]) == (int(bool(case)), last)
    assert told in lines
    status, lines = printed(tmp_path, reports, *arguments[:-1], "tests.none")
    assert (status, "tests.none: 0 passed, 0 skipped" in lines) == (1, True)


def test_recorded_traffic_that_is_named_must_be_used() -> None:
    """Given a folder of recordings, `.ci/run` has the summary fail for each test that does without it."""
    script = (ROOT / ".ci/run").read_text()
    assert "${TOLLWAY_WIRE:+--whole tests.wire}" in script
    assert "export TOLLWAY_WIRE" in script
