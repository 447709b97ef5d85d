"""Makes requirements/*.txt, with the hashes of every file of every release, from the groups of pyproject.toml.

`make lock` runs it with pip-tools. A release that is locked stays; `make lock ARGS=--upgrade` moves to the newest.
"""

import os
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"

# Each lock holds the earlier ones to the releases that they name, so that all fit into one environment.
ORDER = ("runtime", "build", "test", "clients", "lint")
# For environments of their own, next to other releases of the same things.
APART = ("frameworks",)

COMPILE = (
    *("--generate-hashes", "--reuse-hashes", "--strip-extras", "--allow-unsafe", "--quiet", "--no-header"),
    # No word of where the files were downloaded from.
    *("--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host", "--no-emit-options"),
)


def compile_lock(lock: str, requirements: list[str], arguments: list[str]) -> None:
    target = LOCKS / f"{lock}.txt"
    constraints = [] if lock in APART else [f"-c {earlier}.txt" for earlier in ORDER[: ORDER.index(lock)]]
    source = LOCKS / f"{lock}.in"
    source.write_text("\n".join([*constraints, *requirements]) + "\n")
    # The machine's own pip settings must not decide which files are hashed.
    environment = {name: value for name, value in os.environ.items() if name != "PIP_FIND_LINKS"}
    command = [sys.executable, "-m", "piptools", "compile", *COMPILE, *arguments, "-o", target.name, source.name]
    try:
        subprocess.run(command, cwd=LOCKS, env=environment, check=True, stdout=subprocess.DEVNULL)
    finally:
        source.unlink()
    text = re.sub(rf"-r {lock}\.in", "pyproject.toml", target.read_text())
    target.write_text(f"# Locked by `make lock` from pyproject.toml; do not edit.\n{text}")


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {"runtime": project["project"]["dependencies"], **project["dependency-groups"]}
    # Extras are for who asks for them, and for the tests.
    wanted["test"] = [*wanted["test"], *chain(*project["project"]["optional-dependencies"].values())]
    for lock in (*ORDER, *APART):
        compile_lock(lock, wanted[lock], sys.argv[1:])
        print(f"requirements/{lock}.txt")


if __name__ == "__main__":
    main()
