"""Shell completion: what is installed is run by the shells themselves, where they are there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.program import TOLLWAY, environment, run

COMMANDS = {"serve", "check", "keys", "usage", "tail", "requests", "audit", "explain", "doctor"}


def test_bash_completes_commands_options_and_subcommands(tmp_path: Path) -> None:
    script = run("--show-completion", "bash", cwd=tmp_path).stdout
    assert "complete" in script

    def completed(line: str) -> set[str]:
        words = line.split(" ")
        program = f"""{script}
COMP_WORDS=({line}{' ""' if line.endswith(" ") else ""}); COMP_CWORD={len(words) - 1}
$(complete -p tollway | sed -n 's/.*-F \\([^ ]*\\) .*/\\1/p') tollway
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
        path = f"{Path(TOLLWAY).parent}:/usr/bin:/bin"
        done = subprocess.run(
            ["bash", "--norc", "-c", program],
            cwd=tmp_path,
            env=environment(PATH=path),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stderr == ""
        return set(done.stdout.split())

    assert completed("tollway ") >= COMMANDS
    assert completed("tollway ser") == {"serve"}
    assert completed("tollway keys ro") == {"rotate"}
    assert "--config" in completed("tollway serve --")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_take_their_scripts(tmp_path: Path, shell: str) -> None:
    shown = run("--show-completion", shell, cwd=tmp_path)
    assert (shown.returncode, "_TOLLWAY_COMPLETE" in shown.stdout) == (0, True)
    words = run(
        cwd=tmp_path,
        _TOLLWAY_COMPLETE=f"complete_{shell}",
        _TYPER_COMPLETE_ARGS="tollway ke",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )
    assert "keys" in words.stdout
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=shown.stdout, text=True, check=True, timeout=60)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_it_is_installed_into_the_users_own_files(tmp_path: Path, shell: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = run("--install-completion", shell, cwd=tmp_path, HOME=str(home))
    assert done.returncode == 0, done.stderr
    written = [path for path in home.rglob("*") if path.is_file() and "tollway" in path.read_text()]
    assert written
