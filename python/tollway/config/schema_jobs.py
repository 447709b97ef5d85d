"""`[jobs]`: requests whose callers do not wait for the answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from tollway.config.fields import FilePath, Many, SecretRef, Settings
from tollway.config.quantities import Duration, Size
from tollway.config.schema_server import preset

HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,253}$"), AfterValidator(str.lower)]
"""A host as a URL names it, in lower case once validated; an IPv6 address without its brackets."""


class Jobs(Settings):
    """`[jobs]`: requests whose callers do not wait (`x-tollway-callback`)."""

    concurrency: int = Field(
        default=16, ge=1, le=1024, description="Jobs at work at a time in this process, and as many posts."
    )
    queue: int = Field(default=1000, ge=0, le=1_000_000, description="Jobs that may wait; more are refused.")
    max_bytes: Size = preset("1GiB", "What the bodies of all jobs may take in the store together.")
    retain: Duration = preset("24h", "How long a job is kept after its end, its answer with it.")
    callback_secret: SecretRef | None = Field(
        default=None, description="Signs posts for keys that have no `callback_secret`. At least 16 characters."
    )
    callback_timeout: Duration = preset("10s", "How long one post may take.")
    callback_attempts: int = Field(default=8, ge=1, le=20, description="How often an answer is posted at most.")
    callback_pause: Duration = preset(
        "3s", "How long is waited after the first post that fails; each wait is three times the one before, up to 1h."
    )
    private_hosts: Annotated[Many[HostName], Field(max_length=64)] = Field(
        default=(), description="Hosts of callbacks that may have addresses which are not public."
    )
    ca: FilePath | None = Field(
        default=None, description="PEM file of the authorities to trust for callbacks, instead of the system's."
    )
