"""Where the control plane is, read from a file of which the rest may be wrong or refer to what is not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.config.setting import CANARY
from tollway.config import api as config
from tollway.errors import ConfigError

Write = Callable[[str], Path]


def test_the_rest_may_be_wrong(write: Write) -> None:
    path = write(
        '[server]\nadmin = "127.0.0.1:9"\nworkers = "many"\n[admin]\ntoken = "env:TOLLWAY_ADMIN_TOKEN"\n'
        '[providers.p]\ntype = "openai"\napi_key = "env:NOT_SET"\n[routes.r]\nprovider = "q"\nmodel = "m"\n'
    )
    found = config.reach(path)
    assert str(found.admin) == "127.0.0.1:9"
    assert found.token is not None
    assert found.token.reveal() == f"TOLLWAY_ADMIN_TOKEN-{CANARY}"
    assert CANARY not in repr(found)


def test_a_token_that_was_made_is_found_beside_the_store(folder: Path, write: Write) -> None:
    path = write('[store]\nurl = "sqlite:folder/t.db"\n')
    assert config.reach(path).token is None
    assert list((folder / "folder").iterdir()) == []
    made = config.load(path).resolved.admin_token
    assert made is not None
    assert config.reach(path).token == made


def test_a_token_that_cannot_be_read_is_none(write: Write) -> None:
    assert config.reach(write('[admin]\ntoken = "env:NOT_SET"\n')).token is None


@pytest.mark.parametrize("text", ["[server\n", "server = "])
def test_what_is_not_toml_is_told(write: Write, text: str) -> None:
    with pytest.raises(ConfigError):
        config.reach(write(text))
    with pytest.raises(ConfigError):
        config.reach(Path("absent.toml"))
