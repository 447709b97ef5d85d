"""Looking records up, as the platform team does."""

from __future__ import annotations

from typing import Any

from tests.support.gateway import RunningGateway
from tests.support.waiting import eventually
from tests.support.wire import Answer

Record = dict[str, Any]


def record_of(gateway: RunningGateway, answer: Answer) -> Record:
    """The record of an answered request, once it is in the store."""
    request_id = answer.header("x-request-id")
    assert request_id is not None
    return record(gateway, request_id)


def record(gateway: RunningGateway, request_id: str) -> Record:
    """The record of a request by its id, once it is in the store."""

    def look() -> Record | None:
        found = gateway.admin.get(f"/admin/v1/requests/{request_id}")
        if found.status_code != 200:
            return None
        one: Record = found.json()
        return one

    return eventually(look, f"the record of {request_id} is in the store") or {}


def payload(gateway: RunningGateway, request_id: str) -> Any:  # noqa: ANN401 - JSON
    """The payload of a request, once it is in the store: it is shipped apart from the record."""

    def look() -> object:
        return gateway.admin.get(f"/admin/v1/requests/{request_id}").json()["payload"]

    return eventually(look, f"the payload of {request_id} is in the store")


def everything(gateway: RunningGateway) -> list[Record]:
    """Every record in the store, oldest first."""
    records: list[Record] = []
    after: str | None = None
    while True:
        query = {"limit": "500", "order": "asc", **({"after": after} if after else {})}
        page = gateway.admin.get("/admin/v1/requests", params=query)
        assert page.status_code == 200, page.text
        records += page.json()["data"]
        after = page.json()["next"]
        if after is None:
            return records


def shipped(gateway: RunningGateway) -> None:
    """Wait until everything in the journal is in the store."""
    eventually(lambda: gateway.health()["journal"]["unshipped"] == 0, "the journal is in the store", 60)


def requests_counted(gateway: RunningGateway) -> int:
    """How many requests the roll-ups count."""
    answer = gateway.admin.get("/admin/v1/usage", params={"per": "day", "from": "2020-01-01", "to": "2099-01-01"})
    assert answer.status_code == 200, answer.text
    return sum(row["requests"] for row in answer.json()["data"])
