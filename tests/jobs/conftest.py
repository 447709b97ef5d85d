"""Gateways that take jobs, and a database for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres import Postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """Started once; each test makes its tables anew."""
    with Postgres() as server:
        yield server


@pytest.fixture
def postgres(postgres_server: Postgres) -> Postgres:
    """An empty database that answers."""
    postgres_server.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return postgres_server


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> str:
    """`store.url` of an empty database of either kind."""
    if request.param == "sqlite":
        return "sqlite:tollway.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.url
