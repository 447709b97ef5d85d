"""What a generator makes of the OpenAPI document: the real gateway answers all of it as described, and never 5xx."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.gateway import RunningGateway, minimal
from tests.support.upstream import ScriptedUpstream
from tollway.admin.openapi import document
from tollway.admin.operations import OPERATIONS

# Each of some sixty operations gets so many, beside the examples that the document itself gives.
EXAMPLES = int(os.environ.get("TOLLWAY_SCHEMATHESIS_EXAMPLES", "15"))

schema = schemathesis.openapi.from_dict(document(OPERATIONS, "0.1.0"))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with ScriptedUpstream() as upstream:
        text = minimal(upstream.url, teams={"data-science": {}})
        with RunningGateway(text, tmp_path_factory.mktemp("gateway")) as running:
            yield running


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_no_answer_is_a_surprise(case: schemathesis.Case[Any], gateway: RunningGateway) -> None:
    case.call_and_validate(
        base_url=gateway.admin_url,
        headers={"authorization": f"Bearer {gateway.admin_token}"},
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ],
    )


def test_the_gateway_is_well_afterwards(gateway: RunningGateway) -> None:
    assert gateway.health()["status"] == "ready"
    assert gateway.admin.get("/admin/v1/audit/verify").json()["ok"] is True
    assert '"event": "admin.fault"' not in gateway.log
