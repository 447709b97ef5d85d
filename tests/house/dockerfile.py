"""Runs the stages of a Dockerfile as commands in a bare folder, where no Docker engine is at hand.

What is proven: every COPY finds what it names, every RUN succeeds with nothing but what the stage holds, and what the
last stage holds starts. What is not: the base images, and what is copied out of foreign images, for which the machine's
own Python, compiler and Rust stand in.

A stage is no chroot. Absolute paths of ENV, WORKDIR, COPY and exec forms are moved under the folder; a RUN may
therefore name them only through ENV, and is refused otherwise.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

STATED_ONLY = ("USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD")


@dataclass(frozen=True)
class Instruction:
    line: int
    name: str
    value: str

    def words(self) -> list[str]:
        return [word for word in shlex.split(self.value) if not word.startswith("--")]

    def flags(self) -> dict[str, str]:
        flags = (word[2:].partition("=") for word in self.value.split() if word.startswith("--"))
        return {name: value for name, _, value in flags}


@dataclass(frozen=True)
class Stage:
    name: str
    base: str
    instructions: list[Instruction]

    def last(self, name: str) -> Instruction:
        return [instruction for instruction in self.instructions if instruction.name == name][-1]

    def has(self, name: str) -> bool:
        return any(instruction.name == name for instruction in self.instructions)


def instructions(text: str) -> list[Instruction]:
    found = []
    start, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or (not parts and not line.strip()):
            continue
        start = start if parts else number
        parts.append(line.strip().removesuffix("\\").strip())
        if not line.rstrip().endswith("\\"):
            name, _, value = " ".join(parts).partition(" ")
            found.append(Instruction(start, name, value))
            parts = []
    return found


def stages(text: str) -> list[Stage]:
    found: list[Stage] = []
    for instruction in instructions(text):
        if instruction.name == "FROM":
            base, _, name = instruction.words()
            found.append(Stage(name, base, []))
        else:
            found[-1].instructions.append(instruction)
    return found


@dataclass
class Engine:
    """Runs stages one after another in `folder`/root, and keeps each as `folder`/NAME."""

    context: Path
    folder: Path
    done: set[str] = field(default_factory=set)
    environment: dict[str, str] = field(default_factory=dict)
    workdir: Path = Path()
    # Destinations that a foreign image would fill; the machine's own programs stand in for them.
    foreign: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        # One path for all stages, since a virtual environment holds its own.
        return self.folder / "root"

    def run(self, stage: Stage) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        self.environment = self.machine()
        self.workdir = self.root
        self.foreign = []
        steps: dict[str, Callable[[Instruction], None]] = {
            "ENV": self.env,
            "WORKDIR": self.change_folder,
            "COPY": self.copy,
            "RUN": self.shell,
        }
        for instruction in stage.instructions:
            if instruction.name in steps:
                steps[instruction.name](instruction)
            elif instruction.name not in STATED_ONLY:
                raise ValueError(f"line {instruction.line}: {instruction.name} is not known here")

    def keep(self, stage: Stage) -> None:
        """Puts the stage aside, for later stages to copy from."""
        kept = self.folder / stage.name
        shutil.rmtree(kept, ignore_errors=True)
        self.root.rename(kept)
        self.done.add(stage.name)

    def machine(self) -> dict[str, str]:
        """The environment of a base image: the machine's, with `python` and without any virtual environment."""
        programs = self.folder / "bin"
        programs.mkdir(exist_ok=True)
        python = programs / "python"
        base = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(str(base))} "$@"\n')
        python.chmod(0o755)
        dropped = ("VIRTUAL_ENV", "PYTHON", "MAKE", "MFLAGS", "COV_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        outside = [part for part in environment["PATH"].split(":") if part != str(Path(sys.prefix, "bin"))]
        environment["PATH"] = ":".join([str(programs), *outside])
        environment["CARGO_TARGET_DIR"] = str(self.context / "target")
        return environment

    def place(self, path: str) -> Path | None:
        """Where `path` of the image lies here; None if a foreign image would fill it."""
        if any(path == folder or path.startswith(folder + "/") for folder in self.foreign):
            return None
        return self.root / path.lstrip("/") if path.startswith("/") else self.workdir / path

    def env(self, instruction: Instruction) -> None:
        for word in shlex.split(instruction.value):
            name, _, value = word.partition("=")
            if not value.startswith("/"):
                self.environment[name] = value
                continue
            known = {part: self.place(part) if part.startswith("/") else part for part in value.split(":")}
            parts = [
                re.sub(r"^\$(\w+)$", lambda m: self.environment[m[1]], str(part)) for part in known.values() if part
            ]
            if parts:
                self.environment[name] = ":".join(parts)

    def change_folder(self, instruction: Instruction) -> None:
        self.workdir = self.root / instruction.value.lstrip("/")
        self.workdir.mkdir(parents=True, exist_ok=True)

    def copy(self, instruction: Instruction) -> None:
        *sources, target = instruction.words()
        flags = instruction.flags()
        if "from" in flags and flags["from"] not in self.done:
            self.foreign.append(target)
            return
        origin = self.folder / flags["from"] if "from" in flags else self.context
        if "from" not in flags:
            self.refuse_ignored(instruction, sources)
        destination = self.place(target)
        assert destination, f"line {instruction.line}: {target} belongs to a foreign image"
        for source in (origin / source.lstrip("/") for source in sources):
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.so") if origin == self.context else None
                shutil.copytree(source, destination, symlinks=True, dirs_exist_ok=True, ignore=ignored)
            else:
                into_folder = target.endswith("/")
                (destination if into_folder else destination.parent).mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, destination)
        if "chown" in flags and os.geteuid() == 0:
            user, group = map(int, flags["chown"].split(":"))
            for path in [destination, *destination.rglob("*")]:
                os.chown(path, user, group, follow_symlinks=False)

    def refuse_ignored(self, instruction: Instruction, sources: list[str]) -> None:
        lines = (self.context / ".dockerignore").read_text().splitlines()
        sent = {line[1:] for line in lines if line.startswith("!")}
        missing = [source for source in sources if source.split("/")[0] not in sent]
        assert not missing, f"line {instruction.line}: .dockerignore keeps back {missing}"

    def shell(self, instruction: Instruction) -> None:
        absolute = re.search(r"(?<![\w$.}\"/])/(?!dev/null)\w", instruction.value)
        assert not absolute, f"line {instruction.line}: name absolute paths through ENV: {instruction.value}"
        ended = subprocess.run(
            ["sh", "-ec", instruction.value],
            cwd=self.workdir,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"line {instruction.line}: {instruction.value}\n{ended.stdout}"

    def command(self, value: str) -> list[str]:
        """An exec form, with its absolute paths moved under the folder."""
        words: list[str] = json.loads(value)
        return [str(self.place(word)) if word.startswith("/") else word for word in words]
