"""The locks: every file by its hash, and no word of where it was downloaded from."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON_LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
APART = ROOT / "requirements" / "frameworks.txt"
FRAMEWORKS = ROOT / "target" / "frameworks" / "bin" / "python"
"""The environment of that lock, which holds other releases of the same things."""
CARGO = ROOT / "Cargo.lock"
NODE = ROOT / "tests" / "node" / "package-lock.json"

# Cargo writes this name of crates.io into every lock, whichever mirror served the files.
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def releases(text: str) -> dict[str, list[str]]:
    """Of a pip lock: each `name==version` and its hashes."""
    entries = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
    locked = [entry.split() for entry in entries if entry and not entry.lstrip().startswith("#")]
    return {words[0]: words[1:] for words in locked}


@pytest.mark.parametrize("lock", PYTHON_LOCKS, ids=lambda lock: lock.name)
def test_a_python_lock_holds_releases_and_hashes_and_nothing_else(lock: Path) -> None:
    text = lock.read_text()
    assert not re.search(r"://|^\s*-", re.sub(r"^ +--hash=", "", text, flags=re.MULTILINE), re.MULTILINE)
    found = releases(text)
    assert found
    for release, hashes in found.items():
        assert re.fullmatch(r"[a-z0-9-]+==[\w.!+]+", release)
        assert hashes, release
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", word) for word in hashes), release


def test_all_python_locks_agree() -> None:
    versions: dict[str, set[str]] = {}
    for lock in set(PYTHON_LOCKS) - {APART}:
        for release in releases(lock.read_text()):
            name, _, version = release.partition("==")
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_every_dependency_is_locked() -> None:
    groups = {"runtime": PROJECT["project"]["dependencies"], **PROJECT["dependency-groups"]}
    extras = [requirement for extra in PROJECT["project"]["optional-dependencies"].values() for requirement in extra]
    groups["test"] = [*groups["test"], *extras]
    assert {lock.stem for lock in PYTHON_LOCKS} == set(groups)
    for group, requirements in groups.items():
        locked = {release.partition("==")[0] for release in releases((ROOT / f"requirements/{group}.txt").read_text())}
        wanted = {re.split(r"[\[<>=!~ ]", requirement)[0] for requirement in requirements}
        assert wanted <= locked, group


@pytest.mark.parametrize("python", [Path(sys.executable), FRAMEWORKS], ids=["all", "apart"])
def test_the_locks_leave_nothing_out(python: Path) -> None:
    if not python.exists() and "MAKELEVEL" not in os.environ:
        pytest.skip("`make test` makes this environment")
    # They are installed with --no-deps, so a dependency that no lock names would be missed only when it is imported.
    checked = subprocess.run([python, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_cargo_lock_holds_only_crates_io_and_checksums() -> None:
    packages = tomllib.loads(CARGO.read_text())["package"]
    foreign = [package for package in packages if "source" in package]
    assert foreign
    assert {package["source"] for package in foreign} == {CRATES_IO}
    assert all(re.fullmatch("[0-9a-f]{64}", package["checksum"]) for package in foreign)
    assert CARGO.read_text().replace(CRATES_IO, "").count("://") == 0


def test_package_lock_names_no_host() -> None:
    packages = json.loads(NODE.read_text())["packages"]
    assert "node_modules/openai" in packages
    for path, package in packages.items():
        assert "resolved" not in package, path
        assert not path or package["integrity"].startswith("sha512-"), path
        # Where its authors take money.
        package.pop("funding", None)
    assert "://" not in json.dumps(packages)
