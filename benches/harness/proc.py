"""What Linux tells about processes and cores (proc(5)): CPU time, memory, who else is busy."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
"""Nanoseconds of one tick of the counters that count in ticks."""

Times = dict[int, int]
"""Nanoseconds on a CPU, by thread."""


def parents() -> dict[int, int]:
    """The parent of every process."""
    found = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            # A process may end between being listed and being read; then it has no parent to tell.
            with suppress(OSError):
                # The name, in parentheses, may hold anything: what follows it begins after the last one.
                found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return found


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents().items():
        children.setdefault(parent, []).append(pid)
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += children.get(pid, ())
    return found


def threads(pids: Iterable[int], wanted: Callable[[str], bool] = lambda _name: True) -> Iterator[Path]:
    """The threads of processes whose name is `wanted`, as folders of /proc."""
    for pid in pids:
        with suppress(OSError):
            for task in (PROC / str(pid) / "task").iterdir():
                if wanted((task / "comm").read_text().strip()):
                    yield task


def times(tasks: Iterable[Path]) -> Times:
    """What each thread has spent so far."""
    spent = {}
    for task in tasks:
        with suppress(OSError):
            spent[int(task.name)] = _spent(task)
    return spent


def _spent(task: Path) -> int:
    try:
        # Exact; a kernel without CONFIG_SCHED_INFO has no such file.
        return int((task / "schedstat").read_text().split()[0])
    except FileNotFoundError:
        counters = (task / "stat").read_text().rpartition(")")[2].split()
        return (int(counters[11]) + int(counters[12])) * TICK


def between(before: Times, after: Times) -> int:
    """Nanoseconds spent by all threads together; those that are new began at nothing."""
    return sum(spent - before.get(thread, 0) for thread, spent in after.items())


def pss(pids: Iterable[int]) -> int:
    """Bytes of memory of processes together: what they share counts once (`smaps_rollup`)."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


class Machine:
    """How busy the whole machine was since this was made, and how much of that the hypervisor took."""

    def __init__(self) -> None:
        self._start = time.monotonic_ns()
        self._busy, self._stolen = self._read()

    def since(self) -> tuple[float, float, float]:
        """Nanoseconds that passed on all cores together, those that were busy, and those that were stolen."""
        busy, stolen = self._read()
        passed = (time.monotonic_ns() - self._start) * (os.cpu_count() or 1)
        return passed, (busy - self._busy) * TICK, (stolen - self._stolen) * TICK

    def _read(self) -> tuple[int, int]:
        # user nice system idle iowait irq softirq steal
        counters = [int(number) for number in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
        return sum(counters) - counters[3] - counters[4], counters[7]
