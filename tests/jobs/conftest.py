"""Gateways that take jobs, and a database for them."""

from __future__ import annotations

import pytest

from tests.support.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> str:
    """`store.url` of an empty database of either kind."""
    if request.param == "sqlite":
        return "sqlite:tollway.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.url
