"""The description of the API, made of the routes and the models that the handlers use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from synapse_core.schema import default_schema
from synapse_store.service.asking import Param, Route
from synapse_store.wire.results import Problem

_REFUSALS = {
    400: "the body is no JSON",
    401: "no token, or a wrong one",
    403: "a host or an origin that may not ask",
    404: "there is no such thing",
    409: "the state or a lease is against it",
    413: "the body is too large",
    415: "the body is not application/json",
    422: "fields are wrong",
    503: "the store does not answer, or too many streams are open",
}


def describe(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """An OpenAPI 3.1 document."""
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for route in routes:
        path = re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, path, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Synapse pipeline service", "version": version},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }


def _operation(route: Route, path: str, schemas: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}_{route.handler.__name__}",
        "summary": route.summary,
        "parameters": [*_path_params(path), *map(_param, route.query)],
        "responses": _responses(route, path, schemas),
    }
    if route.body is not None:
        content = {"application/json": {"schema": _ref(route.body, schemas)}}
        found["requestBody"] = {"required": not route.optional, "content": content}
    return found


def _path_params(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _param(param: Param) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": {int: "integer", bool: "boolean"}.get(param.kind, "string")}
    if param.kind is int:
        schema |= {"minimum": param.least, "maximum": param.most}
    if param.kind is datetime:
        schema["format"] = "date-time"
    if param.choices:
        schema["enum"] = list(param.choices)
    if param.default is not None:
        schema["default"] = param.default
    if param.many:
        schema = {"type": "array", "items": schema}
    return {"name": param.name, "in": "query", "description": param.help, "schema": schema}


def _responses(route: Route, path: str, schemas: dict[str, Any]) -> dict[str, Any]:
    problem = {"application/json": {"schema": _ref(Problem, schemas)}}
    statuses = {401, 403, *route.refuses}
    if "{" in path:
        statuses.add(404)
    if route.query:
        statuses.add(422)
    if route.body is not None:
        statuses |= {400, 413, 415, 422}
    if path.startswith("/api") or path == "/health":
        statuses.add(503)
    found: dict[str, Any] = {str(route.status): _good(route, schemas)}
    if route.kind == "sse":
        found["204"] = {"description": "the run has ended, and the client has seen its end"}
    return found | {str(each): {"description": _REFUSALS[each], "content": problem} for each in sorted(statuses)}


def _good(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"description": route.summary}
    if route.kind == "sse":
        found["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
    elif route.kind == "text":
        found["content"] = {"text/plain": {"schema": {"type": "string"}}}
    elif route.kind == "html":
        found["content"] = {"text/html": {"schema": {"type": "string"}}}
    elif route.gives is not None:
        schema = _ref(route.gives, schemas)
        found["content"] = {
            "application/json": {"schema": {"type": "array", "items": schema} if route.many else schema}
        }
    return found


def _ref(model: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """A reference to the model's schema, which is put among the others."""
    if isinstance(model, dict):
        return model
    schema = default_schema().json_schema(model)
    schema.pop("$schema", None)
    for name, each in schema.pop("$defs", {}).items():
        schemas.setdefault(name, _moved(each))
    schemas.setdefault(model.__name__, _moved(schema))
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _moved(schema: Any) -> Any:
    """The schema, with references to where definitions stand in this document."""
    if isinstance(schema, dict):
        return {key: _moved(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_moved(each) for each in schema]
    return schema.replace("#/$defs/", "#/components/schemas/") if isinstance(schema, str) else schema
