"""The gateway of each file here, as `tests/pipeline` has it."""

from tests.pipeline.conftest import lab

__all__ = ["lab"]
