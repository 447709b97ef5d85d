"""The OpenAPI 3.1 document, from the list of operations and the models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from tollway.admin.models import Error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tollway.admin.operations import Operation

_REF = "#/components/schemas/{model}"

_ANSWERS = {200: "It worked.", 503: "It is not ready."}

_REASONS = {
    400: "The request is not valid.",
    401: "The admin token is missing or wrong.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    422: "The configuration file is not valid; the old configuration stays in force.",
    503: "The data plane does not answer.",
}


def document(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """Describe `operations`, as JSON's own types."""
    listed = tuple(operations)
    answers = [(str(number), operation.answer) for number, operation in enumerate(listed) if operation.answer]
    schemas, definitions = TypeAdapter.json_schemas(
        [(key, "serialization", adapter) for key, adapter in [*answers, ("error", TypeAdapter(Error))]],
        ref_template=_REF,
    )
    paths: dict[str, dict[str, Any]] = {}
    for number, operation in enumerate(listed):
        schema = schemas.get((str(number), "serialization"))
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schema)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Tollway's control plane",
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"adminToken": []}],
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {
                "adminToken": {"type": "http", "scheme": "bearer", "description": "The `admin.token`."}
            },
        },
    }


def _operation(operation: Operation, schema: object) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{operation.method.lower()}_{operation.path.strip('/').replace('/', '_') or 'root'}",
        "summary": operation.summary,
        "responses": {
            str(status): _response(_ANSWERS[status], operation.media_type, schema or {"type": "string"})
            for status in operation.statuses
        },
    }
    if operation.who == "anyone":
        described["security"] = []
    elif operation.who == "metrics":
        # An empty requirement beside the token's: whether it is asked for is the configuration's choice.
        described["security"] = [{}, {"adminToken": []}]
    for status in operation.refusals:
        reference = {"$ref": _REF.format(model="Error")}
        described["responses"][str(status)] = _response(_REASONS[status], "application/json", reference)
    return described


def _response(description: str, media_type: str, schema: object) -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": schema}}}
