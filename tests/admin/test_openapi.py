"""The OpenAPI document."""

from __future__ import annotations

from typing import Any

import httpx
import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tollway.admin.operations import OPERATIONS


@pytest.fixture
def document(client: httpx.Client) -> dict[str, Any]:
    document: dict[str, Any] = client.get("/admin/openapi.json").json()
    return document


def test_it_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()


def test_it_describes_every_operation_and_no_other(document: dict[str, Any]) -> None:
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert described == {(operation.path, operation.method) for operation in OPERATIONS}


def test_every_example_is_valid(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    examples = [(name, example) for name, schema in schemas.items() for example in schema.get("examples", [])]
    assert {"Error", "Health", "Key", "Probe", "Reloaded", "Route", "Target"} == {name for name, _ in examples}
    for name, example in examples:
        schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
        jsonschema.validate(example, schema)


@pytest.mark.parametrize("path", ["/admin/v1/health", "/admin/v1/routes", "/admin/v1/targets", "/admin/v1/keys"])
def test_the_answers_are_as_described(client: httpx.Client, document: dict[str, Any], path: str) -> None:
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(client.get(path).json(), schema | {"components": document["components"]})


def test_an_error_is_as_described(client: httpx.Client, document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/Error", "components": document["components"]}
    jsonschema.validate(client.get("/nothing").json(), schema)
