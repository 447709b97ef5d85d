"""Waiting for a gateway that was started as a program, and stopping it."""

import os
import re
import signal
import subprocess
from contextlib import suppress

PLANES = ("data plane", "control plane")


def addresses(gateway: subprocess.Popen[str], seen: list[str] | None = None) -> dict[str, str]:
    """The base URL of each plane, read from the gateway's output until both have been printed.

    The lines read go to `seen`. Raises AssertionError with all of the output if the gateway ends first; the test's
    timeout ends the wait otherwise.
    """
    lines = [] if seen is None else seen
    found: dict[str, str] = {}
    assert gateway.stdout
    for line in gateway.stdout:
        lines.append(line)
        if match := re.search(rf"({'|'.join(PLANES)}) (https?://\S+)", line):
            found[match[1]] = match[2].rstrip("/")
        if len(found) == len(PLANES):
            return found
    raise AssertionError("the gateway ended:\n" + "".join(lines))


def stop(gateway: subprocess.Popen[str]) -> None:
    """Asks the gateway, the leader of its session, to drain; whatever is left of the session after that is killed."""
    try:
        gateway.send_signal(signal.SIGTERM)
        # make ends by the signal that it was sent.
        assert gateway.wait(timeout=60) in (0, -signal.SIGTERM)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(gateway.pid, signal.SIGKILL)
