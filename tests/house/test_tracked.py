"""What no tracked file may hold: paths of the machine it was written on, and hosts that packages come from."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("Cargo.lock", "package-lock.json")
MACHINE = re.compile(r"(?<![\w.}$])/(?:root|home/\w+|Users/\w+|tmp|work)/\w")
HOSTS = re.compile(r"pythonhosted|pypi\.org|npmjs\.org|\b(?:static|index)\.crates\.io", re.IGNORECASE)


def tracked() -> list[Path]:
    """The files of the repository and those not yet added, without what .gitignore names."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("pattern", [MACHINE, HOSTS], ids=["machine paths", "package hosts"])
def test_no_tracked_file_holds(pattern: re.Pattern[str]) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked()
        if path.name not in LOCKS and path != Path(__file__)
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_the_patterns_find_what_they_are_for() -> None:
    assert MACHINE.search("open('/tmp/x')")
    assert MACHINE.search("see /home/ann/notes")
    assert not MACHINE.search("$ROOT/tmp/x")
    assert HOSTS.search("files.PythonHosted.org")
