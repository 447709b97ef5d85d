"""A hosts file of a process's own: names that the system's resolver really looks up, and that a test may move."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest


class Hosts:
    """The file, and in `under` the command that starts another with the file in the place of `/etc/hosts`."""

    def __init__(self, file: Path) -> None:
        """Skip the test where the kernel does not let a process have mounts of its own."""
        self._file = file
        self.forget()
        # Root may; others may as root of a user namespace, unless the system forbids these.
        become = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        mount = 'mount --bind "$0" /etc/hosts && exec "$@"'
        self.under = ["unshare", *become, "--mount", "sh", "-c", mount, str(file)]
        tried = subprocess.run([*self.under, "true"], capture_output=True, text=True, check=False)
        if tried.returncode:
            pytest.skip(f"run as root, or allow user namespaces (kernel.unprivileged_userns_clone): {tried.stderr}")

    def point(self, name: str, address: str) -> None:
        """From now on `name` is at `address`."""
        # In one write, and in place: what is mounted is this file, not its name.
        with self._file.open("r+b", buffering=0) as file:
            file.write(f"{address} {name}\n127.0.0.1 localhost\n".ljust(256, "\n").encode())

    def forget(self) -> None:
        """From now on no name has an address."""
        self._file.write_text("")
