"""`/admin/v1/alerts`: what is wrong, or was a while ago; and whether those who are to be told can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tollway.admin.alerts.shown import shown
from tollway.admin.failure import Failure
from tollway.admin.models import Shown, example
from tollway.admin.operation import Operation, answer, ask
from tollway.admin.reading import Query, read_bytes, read_query
from tollway.config.schema_alerts import Kind

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tollway.admin.operation import Context

_ALERT: dict[str, Any] = {
    "id": "alert_51b7c2e09d3f4a68",
    "kind": "dead_key",
    "severity": "critical",
    "subject": "openai, key 1",
    "message": "The provider refused this key: it is out of the pool. Replace it and reload.",
    "state": "firing",
    "count": 3,
    "first_at": "2026-11-01T12:00:00Z",
    "last_at": "2026-11-01T12:04:10.250000Z",
}
_TESTED: dict[str, Any] = {"webhook": "webhooks[0] hooks.example.com", "outcome": "failed", "detail": "status 503"}


class Alert(Shown):
    """Something that an operator must know of."""

    model_config = example(**_ALERT)

    id: str = Field(description="The same from its first firing until it is over.")
    kind: Kind = Field(description="What is wrong.")
    severity: Literal["critical", "warning"] = Field(description="`critical` where somebody must act.")
    subject: str = Field(description="What it is about: a key of a provider, a deployment, a route.")
    message: str = Field(description="What happened, and what to do; of one that is over, why.")
    state: Literal["firing", "resolved"] = Field(description="`resolved`: it is over.")
    count: int = Field(description="How often it was seen.")
    first_at: str = Field(description="When it was first seen (RFC 3339, UTC).")
    last_at: str = Field(description="When it was last seen, or was over.")


class Alerts(Shown):
    """The alerts that fire, and those that are over; of these the newest."""

    model_config = example(data=[_ALERT])

    data: list[Alert] = Field(description="Those that were seen last first; at most 1000.")


class Tested(Shown):
    """What became of a test alert."""

    model_config = example(**_TESTED)

    webhook: str = Field(description="Its place in `alerts.webhooks`, and its host.")
    outcome: Literal["delivered", "failed"] = Field(description="`delivered`: it answered with a 2xx.")
    detail: str | None = Field(description="Why it failed.")


class Tests(Shown):
    """What became of each."""

    model_config = example(data=[_TESTED])

    data: list[Tested] = Field(description="One for each webhook.")


class AlertQuery(Query):
    """Which alerts."""

    state: Literal["firing", "resolved"] | None = Field(default=None, description="Only those in this state.")
    kind: Kind | None = Field(default=None, description="Only those of this kind.")


async def _list(request: Request, context: Context) -> Response:
    query = read_query(request, AlertQuery)
    found: Any = await ask(context, "alerts", {"state": query.state, "kind": query.kind})
    return answer(Alerts, {"data": [shown(alert) for alert in found["data"]]})


async def _test(request: Request, context: Context) -> Response:
    if (await read_bytes(request)).strip() not in (b"", b"{}"):
        raise Failure(400, "invalid_request", "A test takes no body: every webhook is told.")
    return answer(Tests, {"data": [] if context.notifier is None else await context.notifier.test()})


OPERATIONS = (
    Operation("/admin/v1/alerts", _list, "What is wrong, or was", Alerts, query=AlertQuery, refusals=(401, 422, 503)),
    Operation(
        "/admin/v1/alerts/test",
        _test,
        "Post a test alert to each webhook, and tell what became of it",
        Tests,
        method="POST",
        refusals=(400, 401, 408, 413),
    ),
)
