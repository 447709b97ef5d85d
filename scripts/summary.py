"""Sums up target/reports: one line for each suite, then `N passed, M failed, K skipped`; exit 1 if anything failed.

A test that was skipped although it must not be (`--whole tests.wire`) has failed.
"""

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

TALLY = ("tests", "failures", "errors", "skipped")


@dataclass(frozen=True)
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def rust(report: Path) -> Count:
    results = re.findall(
        r"^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored", report.read_text(), re.MULTILINE
    )
    if not results:
        return Count(failed=1)  # it did not compile
    return sum((Count(*map(int, result)) for result in results), Count())


def python(report: Path) -> Count:
    total = Count()
    for suite in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314 - pytest wrote it a moment ago
        tests, failures, errors, skipped = (int(suite.get(name, 0)) for name in TALLY)
        bad = failures + errors
        total += Count(tests - bad - skipped, bad, skipped)
    return total


def whole(report: Path, package: str) -> Count:
    """The tests of `package` in pytest's report; each that was skipped is named, and fails, and so does none at all."""
    passed, skipped = 0, 0
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - as above
        name = f"{case.get('classname')}.{case.get('name')}".lstrip(".")
        if not f"{name}.".startswith(f"{package}."):
            continue
        if case.find("skipped") is not None:
            skipped += 1
            print(f"{package}: {name} must not be skipped")
        elif case.find("failure") is None and case.find("error") is None:
            passed += 1
    print(f"{package}: {passed} passed, {skipped} skipped")
    return Count(failed=skipped or int(not passed))


def node(report: Path) -> Count:
    text = report.read_text()
    numbers = {name: int(number) for name, number in re.findall(r"^# (\w+) (\d+)$", text, re.MULTILINE)}
    bad = numbers.get("fail", 1) + numbers.get("cancelled", 0)
    return Count(numbers.get("pass", 0), bad, numbers.get("skipped", 0) + numbers.get("todo", 0))


SUITES = {"rust": ("rust.txt", rust), "python": ("python.xml", python), "node": ("node.tap", node)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reports", type=Path)
    parser.add_argument("--tests-exit", type=int, required=True, help="exit status of the tests")
    parser.add_argument("--lint-exit", type=int, required=True, help="exit status of the linters")
    parser.add_argument("--whole", metavar="PACKAGE", help="Python tests of which none may be skipped")
    arguments = parser.parse_args()

    total = Count()
    for suite, (name, read) in SUITES.items():
        report = arguments.reports / name
        # Without a report, or a test in it, the suite never got as far as a test.
        count = read(report) if report.exists() else Count()
        if count.passed + count.failed == 0:
            count += Count(failed=1)
        print(f"{suite}: {count}")
        total += count
    report = arguments.reports / SUITES["python"][0]
    if arguments.whole and report.exists():
        total += whole(report, arguments.whole)
    if arguments.tests_exit and not total.failed:
        print(f"tests: ended with exit status {arguments.tests_exit}")
        total += Count(failed=1)
    if arguments.lint_exit:
        print("lint: failed")
        total += Count(failed=1)
    else:
        print("lint: clean")
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
