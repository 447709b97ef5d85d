"""The seam: the data plane itself takes every snapshot that the configuration makes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from tests.config.setting import resolve_hook
from tollway._dataplane import Gateway
from tollway.config import api as config

GOOD = {file.stem: file.read_text() for file in sorted((Path(__file__).parent / "good").glob("*.toml"))}
FULL = GOOD["full"]
Write = Callable[[str], Path]


@contextmanager
def gateway(folder: Path, snapshot: bytes) -> Iterator[Gateway]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = Gateway([listener.fileno()], str(folder / "control.sock"), 1, 1, snapshot, False)
        try:
            yield running
        finally:
            assert running.drain(5.0)


def real_certificates(folder: Path) -> None:
    """Replace the blocks that only look like PEM: the data plane does read them."""
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    leaf.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    leaf.private_key_pem.write_to_path(folder / "key.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_the_data_plane_takes_every_setting(folder: Path, write: Write, text: str) -> None:
    real_certificates(folder)
    built = config.build(write(text), resolve_hook=resolve_hook)
    with gateway(folder, built.snapshot):
        pass


def test_the_data_plane_takes_the_defaults_and_reloads(folder: Path, write: Write) -> None:
    real_certificates(folder)
    defaults = config.build_loaded(config.default_config(folder).loaded, resolve_hook=resolve_hook)
    with gateway(folder, defaults.snapshot) as running:
        running.reload(config.build(write(FULL), resolve_hook=resolve_hook).snapshot, "a test")
        running.reload(config.build(write(""), resolve_hook=resolve_hook).snapshot, "a test")
