"""A gateway that exports to a receiver, and an upstream that answers as told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.gateway import RunningGateway
from tests.support.otlp import Receiver
from tests.support.upstream import ScriptedUpstream
from tests.telemetry.exporting import HEADER, exporting

Start = Callable[..., RunningGateway]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def start(upstream: ScriptedUpstream, receiver: Receiver, tmp_path: Path) -> Iterator[Start]:
    """Start a gateway with these settings of `[telemetry]`; all end with the test."""
    with ExitStack() as running:

        def begin(**settings: object) -> RunningGateway:
            text = exporting(upstream, receiver, **settings)
            return running.enter_context(RunningGateway(text, tmp_path, TEST_OTLP=HEADER))

        yield begin
