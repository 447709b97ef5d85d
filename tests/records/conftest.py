"""What the tests of the records share: a PostgreSQL server, and looking records up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres import Postgres
from tests.support.upstream import ScriptedUpstream


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


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    """An upstream of the test's own."""
    with ScriptedUpstream() as upstream:
        yield upstream
