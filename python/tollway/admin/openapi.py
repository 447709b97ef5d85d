"""The OpenAPI 3.1 document, from the list of operations and the models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from tollway.admin.models import Error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tollway.admin.operation import Operation
    from tollway.admin.reading import Query

Json = dict[str, Any]

_REF = "#/components/schemas/{model}"

_ANSWERS = {200: "It worked.", 201: "It was made.", 204: "It is gone.", 503: "It is not ready."}

_REASONS = {
    400: "The request is malformed, or asks for too much at once.",
    401: "The admin token is missing or wrong.",
    404: "There is nothing of that name.",
    408: "The body did not arrive in time.",
    409: "It is there already (`conflict`), or the configuration declares it (`read_only`).",
    413: "The body is too large.",
    422: "Something in the body, the query or the configuration is not valid; `param` names it.",
    503: "The data plane or the store does not answer.",
}

_IN_PATH: dict[str, Json] = {
    "id": {"description": "The id.", "example": "k3v9x2m4q8ta"},
    "name": {"description": "The name.", "example": "data-science"},
    "request": {"description": "The request's id.", "example": "req_01a5f0c2b3d40123456789abcdef0123"},
}

_ACTOR: Json = {
    "name": "x-tollway-actor",
    "in": "header",
    "description": "Who asks, for the audit log.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    "example": "ada",
}


def document(operations: Iterable[Operation], version: str) -> Json:
    """Describe `operations`, as JSON's own types."""
    listed = tuple(operations)
    schemas, definitions = _schemas(listed)
    paths: dict[str, Json] = {}
    for number, operation in enumerate(listed):
        described = _Described(operation, schemas.get((f"{number}-answer", "serialization")))
        described.body = schemas.get((f"{number}-body", "validation"))
        described.definitions = definitions["$defs"]
        paths.setdefault(operation.template, {})[operation.method.lower()] = described.to_json()
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


def _schemas(listed: tuple[Operation, ...]) -> tuple[Any, Json]:
    asked: list[tuple[str, Any, TypeAdapter[Any]]] = [("error", "serialization", TypeAdapter(Error))]
    for number, operation in enumerate(listed):
        if operation.answer is not None:
            asked.append((f"{number}-answer", "serialization", TypeAdapter(operation.answer)))
        if operation.body is not None:
            asked.append((f"{number}-body", "validation", TypeAdapter(operation.body)))
    return TypeAdapter.json_schemas(asked, ref_template=_REF)


class _Described:
    """One operation on its way to JSON."""

    def __init__(self, operation: Operation, answer: Json | None) -> None:
        self.operation = operation
        self.answer: Json = answer or {"type": "string"}
        self.body: Json | None = None
        self.definitions: Json = {}

    def to_json(self) -> Json:
        operation = self.operation
        slug = re.sub(r"[^a-z0-9]+", "_", operation.template.lower()).strip("_")
        described: Json = {
            "operationId": f"{operation.method.lower()}_{slug or 'root'}",
            "summary": operation.summary,
            "parameters": self._parameters(),
            "responses": {str(status): self._success(status) for status in operation.statuses},
        }
        if self.body is not None:
            content = {"application/json": self._content(self.body)}
            described["requestBody"] = {"required": not operation.body_optional, "content": content}
        if operation.who == "anyone":
            described["security"] = []
        elif operation.who == "metrics":
            # An empty requirement beside the token's: whether it is asked for is the configuration's choice.
            described["security"] = [{}, {"adminToken": []}]
        for status in operation.refusals:
            content = {"application/json": self._content({"$ref": _REF.format(model="Error")})}
            described["responses"][str(status)] = {"description": _REASONS[status], "content": content}
        return described

    def _success(self, status: int) -> Json:
        said: Json = {"description": _ANSWERS[status]}
        if status != 204:
            said["content"] = {self.operation.media_type: self._content(self.answer)}
            if self.operation.streams:
                said["content"]["text/event-stream"] = {"schema": {"type": "string"}}
        return said

    def _content(self, schema: Json) -> Json:
        example = self._example(schema)
        return {"schema": schema} if example is None else {"schema": schema, "example": example}

    def _example(self, schema: Json) -> Any:  # noqa: ANN401 - JSON of any kind
        if schema.get("type") == "array":
            one = self._example(schema["items"])
            return None if one is None else [one]
        model = self.definitions.get(schema.get("$ref", "").rpartition("/")[2], {})
        return next(iter(model.get("examples", ())), None)

    def _parameters(self) -> list[Json]:
        operation = self.operation
        names = re.findall(r"{(\w+)}", operation.template)
        found = [_in_path("request" if "/requests/" in operation.path else name) | {"name": name} for name in names]
        if operation.query is not None:
            found += _in_query(operation.query)
        if operation.method != "GET" and operation.path != "/admin/v1/reload":
            found.append(_ACTOR)
        return found


def _in_path(name: str) -> Json:
    schema = {"type": "string", "minLength": 1, "maxLength": 200}
    return {"name": name, "in": "path", "required": True, "schema": schema} | _IN_PATH[name]


def _in_query(model: type[Query]) -> list[Json]:
    schema = model.model_json_schema(by_alias=True, ref_template=_REF)
    found = []
    for name, described in schema["properties"].items():
        clean = _without_null(described)
        parameter = {"name": name, "in": "query", "schema": clean, "description": clean.pop("description", "")}
        examples = clean.get("examples")
        parameter["example"] = examples[0] if examples else _exemplary(name, clean)
        found.append(parameter)
    return found


def _without_null(schema: Json) -> Json:
    """A parameter that is not given is not there: there is no null in a query."""
    clean = {key: value for key, value in schema.items() if key != "title" and (key, value) != ("default", None)}
    options = [option for option in clean.pop("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        return {**options[0], **clean}
    return {**clean, "anyOf": options} if options else clean


_KNOWN: dict[str, object] = {
    "team": "data-science",
    "project": "tickets",
    "environment": "dev",
    "key": "k3v9x2m4q8ta",
    "after": "k3v9x2m4q8ta",
    "route": "fast",
    "provider": "openai",
    "model": "gpt-4o-mini",
    "user": "ada",
    "agent": "crawler",
    "tag": "nightly",
    "tags": "nightly",
    "id": "req_01a5f0c2b3d40123456789abcdef0123",
    "error": "rate_limit_exceeded",
    "status": 429,
    "status.gte": 400,
    "status.lte": 499,
    "action": "patch",
    "object": "k3v9x2m4q8ta",
}


def _exemplary(name: str, schema: Json) -> object:
    if "default" in schema:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    by_type = {"boolean": True, "integer": 1000}
    return by_type.get(schema.get("type", ""), "text") if name not in _KNOWN else _KNOWN[name]
