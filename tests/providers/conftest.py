"""The far end of all providers under test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.upstream import ScriptedUpstream


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream
