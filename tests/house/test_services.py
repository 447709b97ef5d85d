"""scripts/services.sh: what is missing is installed as root on Debian, and else named."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRESENT = ("cc", "cargo", "curl", "git", "initdb", "node", "npm", "openssl")

on_debian = pytest.mark.skipif(not Path("/etc/debian_version").exists(), reason="not Debian")


class Machine:
    """A PATH with nothing on it but what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("bash", "dirname", "env", "sh"):
            found = shutil.which(name)
            assert found
            (folder / name).symlink_to(found)
        self.program("python3", f'exec {Path(sys.base_prefix, "bin", "python3")} "$@"')
        for name in PRESENT:
            self.program(name, "exit 0")
        self.program("id", "echo 1000")
        self.program("apt-get", f'echo "$@" >> {folder}/installed')

    def program(self, name: str, body: str) -> None:
        (self.folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (self.folder / name).chmod(0o755)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()

    def check(self, purpose: str) -> tuple[int, str]:
        ended = subprocess.run(
            [ROOT / "scripts/services.sh", purpose],
            env={"PATH": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        return ended.returncode, ended.stderr

    def installed(self) -> list[str]:
        log = self.folder / "installed"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("purpose", ["run", "test"])
def test_a_machine_with_everything_is_left_alone(machine: Machine, purpose: str) -> None:
    assert machine.check(purpose) == (0, "")
    assert machine.installed() == []


def test_without_root_the_packages_are_named_and_nothing_is_installed(machine: Machine) -> None:
    machine.remove("cc")
    machine.remove("openssl")
    status, complaint = machine.check("test")
    assert status == 1
    assert "gcc libc6-dev openssl" in complaint
    assert machine.installed() == []


@on_debian
def test_as_root_on_debian_the_packages_are_installed_after_one_update(machine: Machine) -> None:
    machine.program("id", "echo 0")
    machine.remove("curl")
    machine.remove("openssl")
    assert machine.check("test")[0] == 0
    assert machine.installed() == ["update -qq", "install -y -qq --no-install-recommends curl openssl"]


@on_debian
def test_rust_and_node_are_never_installed(machine: Machine) -> None:
    machine.program("id", "echo 0")
    machine.remove("cargo")
    machine.program("node", "exit 1")
    status, complaint = machine.check("test")
    assert status == 1
    assert "Rust 1.91" in complaint
    assert "Node 20" in complaint
    assert machine.installed() == []


def test_node_is_not_needed_to_run(machine: Machine) -> None:
    machine.remove("node")
    machine.remove("npm")
    assert machine.check("run") == (0, "")


def test_an_old_python_is_not_taken(machine: Machine) -> None:
    for name in ("python3", "python3.13", "python3.12", "python3.11", "python"):
        machine.program(name, "exit 1")
    status, complaint = machine.check("run")
    assert status == 1
    assert "python3-venv" in complaint


def test_an_unknown_purpose_is_refused(machine: Machine) -> None:
    assert machine.check("fly")[0] == 2
