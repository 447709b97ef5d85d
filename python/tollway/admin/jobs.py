"""`/admin/v1/jobs`: requests whose callers do not wait, as an operator sees them: never what was asked or answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, JsonValue

from tollway.admin.keys import named
from tollway.admin.models import Shown, example
from tollway.admin.models_keys import Cursor, Limit
from tollway.admin.operation import Operation, answer, ask
from tollway.admin.reading import Query, read_query
from tollway.config.fields import Name

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tollway.admin.operation import Context

State = Literal["queued", "running", "posting", "succeeded", "failed", "callback_failed", "cancelled"]
"""How a job is (`rust/store/src/jobs.rs`)."""

_JOB: dict[str, JsonValue] = {
    "id": "job_019ac0d5f3c24b7e9f00112233445566",
    "key": "summarizer",
    "state": "callback_failed",
    "endpoint": "chat/completions",
    "model": "primary-summarization",
    "request_id": "req_019ac0d5f3c24b7e9f00112233445566",
    "attempt": 1,
    "posts": 8,
    "status": 200,
    "callback_host": "hooks.example.com",
    "trouble": "status 503",
    "created_us": 1795262400000000,
    "started_us": 1795262400020000,
    "ended_us": 1795262402500000,
    "expires_us": 1795348802500000,
}


class Job(Shown):
    """A job. Times are microseconds since 1970."""

    model_config = example(**_JOB)

    id: str = Field(description="Its name.")
    key: str = Field(description="The key whose job it is.")
    state: State = Field(description="How it is; `posting`: it ended, and its answer is not posted yet.")
    endpoint: str = Field(description="What was asked.")
    model: str = Field(description="The route that was asked.")
    request_id: str = Field(description="The request that was answered with the job.")
    attempt: int = Field(description="How often it was begun.")
    posts: int = Field(description="How often its answer was posted.")
    status: int | None = Field(description="The status of its answer.")
    callback_host: str | None = Field(description="The host that its answer is posted to.")
    trouble: str | None = Field(description="Why the last post failed.")
    created_us: int = Field(description="When it was accepted.")
    started_us: int | None = Field(description="When it was first begun.")
    ended_us: int | None = Field(description="When it ended.")
    expires_us: int | None = Field(description="When it is forgotten.")


class Jobs(Shown):
    """One page of jobs."""

    model_config = example(data=[_JOB], next=None)

    data: list[Job] = Field(description="The newest first.")
    next: str | None = Field(description="`after` of the next page; null on the last.")


class JobQuery(Query):
    """Which jobs."""

    limit: Limit = 100
    after: Cursor | None = None
    key: Name | None = Field(default=None, description="Of this key.")
    state: State | None = Field(default=None, description="In this state.")


async def _list(request: Request, context: Context) -> Response:
    query = read_query(request, JobQuery)
    return answer(Jobs, await ask(context, "jobs.list", query.model_dump(exclude_none=True)))


async def _show(request: Request, context: Context) -> Response:
    return answer(Job, await ask(context, "jobs.show", {"id": named(request, "id")}))


OPERATIONS = (
    Operation("/admin/v1/jobs", _list, "The jobs", Jobs, query=JobQuery, refusals=(401, 422, 503)),
    Operation("/admin/v1/jobs/{id:path}", _show, "One job", Job, refusals=(401, 404, 503)),
)
