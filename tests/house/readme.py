"""The blocks of a Markdown page that are marked to be run, and their running.

The word after a fence's language says what is done with the block; a block without one is only read.

| fence | what the test does |
|---|---|
| `sh run` | runs it with bash; every command must succeed |
| `sh serve` | starts it and goes on once both planes are accepting; it must drain and end with 0 on SIGTERM |
| `python run` | runs it with the virtual environment's Python |
| `toml save=NAME` | writes it to the file NAME |

All blocks of a page run in order, in one folder and, for `sh run`, in one bash, so `export` and `cd` last. The folder
holds links to the tree, so that what the page creates does not end up in the tree.
"""

import re
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

from tests.house.gateway import addresses, stop

FENCE = re.compile(r"^```(\w+)[ \t]+(\S+)[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
TASKS = {"sh run", "sh serve", "python run"}


@dataclass(frozen=True)
class Block:
    line: int
    task: str
    code: str


def blocks(text: str) -> list[Block]:
    """The marked blocks of a page, in order. A mark that is not known is an error, not a block that nobody runs."""
    found = []
    for match in FENCE.finditer(text):
        block = Block(text.count("\n", 0, match.start()) + 1, f"{match[1]} {match[2]}", match[3])
        if block.task not in TASKS and not re.fullmatch(r"toml save=[\w.-]+", block.task):
            raise ValueError(f"line {block.line}: what is a block marked {block.task!r} to do?")
        found.append(block)
    return found


class Session:
    """One reader, following a page in `folder`, with the tree `root` at hand."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        self.state = folder.parent / f"{folder.name}.state"
        self.state.write_text("")
        self.output: list[str] = []
        self.served = ExitStack()
        for entry in root.iterdir():
            if entry.name not in (".git", "target") and not entry.name.endswith("_cache"):
                (folder / entry.name).symlink_to(entry)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.served.close()

    def run(self, block: Block) -> None:
        if block.task.startswith("toml "):
            (self.folder / block.task.removeprefix("toml save=")).write_text(block.code)
        elif block.task == "sh serve":
            self.serve(block)
        elif block.task == "python run":
            self.finish(block, 'exec .venv/bin/python -c "$1"')
        else:
            self.finish(block, 'set -euo pipefail; eval "$1"; { declare -px; printf "cd %q\\n" "$PWD"; } > "$2"')

    def start(self, block: Block, script: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "-c", f'source "$2"; {script}', "bash", block.code, self.state],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def finish(self, block: Block, script: str) -> None:
        with self.start(block, script) as reader:
            output, _ = reader.communicate()
        self.output.append(output)
        assert reader.returncode == 0, f"line {block.line}: exit {reader.returncode}\n{block.code}\n{output}"

    def serve(self, block: Block) -> None:
        commands = [line for line in block.code.splitlines() if line.strip() and not line.startswith("#")]
        if len(commands) != 1:
            raise ValueError(f"line {block.line}: a block to be served is one command")
        # `exec`, so that SIGTERM reaches the command and not a shell around it.
        start = self.start(Block(block.line, block.task, f"exec {commands[0]}"), 'eval "$1"')
        gateway = self.served.enter_context(start)
        with ExitStack() as failed:
            failed.callback(stop, gateway)
            addresses(gateway, self.output)
            failed.pop_all()
        # A pipe that nobody empties would stop the gateway in the end.
        reader = Thread(target=self.output.extend, args=(gateway.stdout,))
        reader.start()
        self.served.callback(reader.join)
        self.served.callback(stop, gateway)
