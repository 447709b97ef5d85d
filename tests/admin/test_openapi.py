"""The OpenAPI document."""

from __future__ import annotations

import json
import re
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
    assert described == {(operation.template, operation.method) for operation in OPERATIONS}


def _check(value: object, schema: dict[str, Any], document: dict[str, Any]) -> None:
    whole = schema | {"components": document["components"]}
    jsonschema.validate(value, whole, cls=jsonschema.Draft202012Validator)


def _operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_operation_has_examples_and_all_are_valid(document: dict[str, Any]) -> None:
    contents = 0
    for name, operation in _operations(document):
        for parameter in operation["parameters"]:
            assert parameter["description"], (name, parameter["name"])
            _check(parameter["example"], parameter["schema"], document)
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        for described in (*bodies, *operation["responses"].values()):
            for media, content in described.get("content", {}).items():
                if media == "application/json" and "OpenApi" not in str(content["schema"]):
                    _check(content["example"], content["schema"], document)
                    contents += 1
    assert contents > 150
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", []):
            _check(example, {"$ref": f"#/components/schemas/{name}"}, document)


def test_operation_ids_are_unique_and_no_example_holds_a_secret(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in _operations(document)]
    assert len(set(ids)) == len(ids)
    assert not re.search(r"tw-[a-z0-9]{12}-[A-Za-z0-9_-]{43}", json.dumps(document))


PATHS = [
    operation.template.format(id="k3v9x2m4q8ta", name="data-science")
    for operation in OPERATIONS
    if operation.method == "GET" and operation.answer is not None and "openapi" not in operation.path
]


@pytest.mark.parametrize("path", PATHS)
def test_the_answers_are_as_described(client: httpx.Client, document: dict[str, Any], path: str) -> None:
    template = path.replace("k3v9x2m4q8ta", "{id}").replace("data-science", "{name}")
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    schema = document["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    _check(answer.json(), schema, document)


def test_an_error_is_as_described(client: httpx.Client, document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/Error", "components": document["components"]}
    jsonschema.validate(client.get("/nothing").json(), schema)
