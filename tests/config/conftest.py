"""What the tests of the configuration share: a folder with the files that configurations refer to, and variables."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.config.setting import ACCOUNT, CANARY, VARIABLES, pem


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, holding what a configuration may refer to; the variables are set."""
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.setenv(name, f"{name}-{CANARY}")
    monkeypatch.setenv("SHORT_KEY", "short-key")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("EXPIRED", f"eyJ{CANARY}.eyJleHAiOjEwMDAwMDAwMDB9.{CANARY}")
    monkeypatch.setenv("BROKEN_KEY", f"line\nbreak-{CANARY}")
    monkeypatch.setenv("REDIS_URL", f"redis://:{CANARY}@127.0.0.1:6379/0")
    monkeypatch.delenv("NOT_SET", raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "aws.config"))
    files = {
        "cert.pem": pem("CERTIFICATE"),
        "key.pem": pem("PRIVATE KEY"),
        "locked.pem": pem("ENCRYPTED PRIVATE KEY"),
        "ca.pem": pem("CERTIFICATE") + pem("CERTIFICATE"),
        "notes.pem": "no block here\n",
        "closed.secret": f"closed-{CANARY}\n",
        "open.secret": f"open-{CANARY}\n",
        "empty.secret": "\n",
        "both.pem": pem("PRIVATE KEY") + pem("CERTIFICATE"),
        "account.json": json.dumps(ACCOUNT | {"private_key": pem("PRIVATE KEY")}),
        "aws.config": "[profile gateway]\nregion = us-east-1\n[profile program]\ncredential_process = true\n",
    }
    for name, text in files.items():
        _write(tmp_path / name, text, 0o644 if name == "open.secret" else 0o600)
    (tmp_path / "binary.secret").write_bytes(b"\xff\xfe\x00binary")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def _write(path: Path, text: str, mode: int) -> None:
    path.write_text(text)
    path.chmod(mode)


@pytest.fixture
def write(folder: Path) -> Callable[[str], Path]:
    """Writes `tollway.toml` into the folder, and gives its path as an operator would."""

    def write_file(text: str) -> Path:
        (folder / "tollway.toml").write_text(text)
        return Path("tollway.toml")

    return write_file
