"""The description of the API is one, covers every path, and is what the service answers."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from synapse_store.service.routes import ROUTES
from tests.store.serving import served


@pytest.fixture(scope="module")
def service():
    with served() as running:
        yield running


@pytest.fixture(scope="module")
def document(service):
    return service.get("/api/v1/openapi.json").json


def _validator(document, schema):
    registry = Registry().with_resource("urn:api", Resource.from_contents(document, default_specification=DRAFT202012))
    return Draft202012Validator(_absolute(schema), registry=registry)


def _absolute(schema):
    if isinstance(schema, dict):
        return {
            key: f"urn:api{value}" if key == "$ref" and value.startswith("#/") else _absolute(value)
            for key, value in schema.items()
        }
    return [_absolute(each) for each in schema] if isinstance(schema, list) else schema


def test_every_path_is_described(document):
    """And every schema that is referred to is there."""
    described = {(method.upper(), path) for path, each in document["paths"].items() for method in each}
    assert described == {(route.method, route.path) for route in ROUTES}
    assert document["openapi"].startswith("3.1")
    names = [op["operationId"] for each in document["paths"].values() for op in each.values()]
    assert len(set(names)) == len(names)
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert f"#/components/schemas/{name}" in str(document["paths"]) + str(document["components"])
    for reference in _references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def _references(part):
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for each in part:
            yield from _references(each)


def test_answers_are_as_described(service, document):
    """Each kind of answer fits its schema."""
    run = service.new_run("load", "train")
    base = f"/api/v1/runs/{run['id']}"
    report = {"name": "load", "status": "running", "progress": 1, "total": 2, "metrics": {"a": 1.5}}
    service.post(base + "/progress", {"status": "running", "current_action": "load", "action_progress": report})
    service.post(base + "/checkpoints", {"action_name": "load", "action_index": 0, "status": "completed"})
    service.post(base + "/logs", {"entries": [{"message": "m"}]})
    asked = [
        ("GET", "/health", "/health", None, 200),
        ("GET", "/api/v1/pipelines", "/api/v1/pipelines", None, 200),
        ("GET", "/api/v1/runs", "/api/v1/runs", None, 200),
        ("GET", "/api/v1/runs/{run_id}", base, None, 200),
        ("GET", "/api/v1/runs/{run_id}/record", base + "/record", None, 200),
        ("GET", "/api/v1/runs/{run_id}/progress", base + "/progress", None, 200),
        ("GET", "/api/v1/runs/{run_id}/events", base + "/events", None, 200),
        ("GET", "/api/v1/runs/{run_id}/checkpoints", base + "/checkpoints", None, 200),
        ("GET", "/api/v1/runs/{run_id}/checkpoints/latest", base + "/checkpoints/latest", None, 200),
        ("GET", "/api/v1/runs/{run_id}/logs", base + "/logs", None, 200),
        ("GET", "/api/v1/runs/{run_id}/metrics", base + "/metrics", None, 200),
        ("POST", "/api/v1/tickets", "/api/v1/tickets", None, 201),
        ("POST", "/api/v1/runs/{run_id}/lease", base + "/lease", {"owner": "me", "ttl": 60}, 200),
        ("POST", "/api/v1/runs/{run_id}/lease", base + "/lease", {"owner": "you", "ttl": 60}, 409),
        ("POST", "/api/v1/runs/{run_id}/lease", base + "/lease", {}, 422),
        ("GET", "/api/v1/runs/{run_id}", "/api/v1/runs/nobody", None, 404),
        ("POST", "/api/v1/runs/{run_id}/cancel", base + "/cancel", None, 202),
    ]
    for method, path, url, body, status in asked:
        answer = service.ask(method, url, body)
        assert answer.status == status, (url, answer.body)
        schema = document["paths"][path][method.lower()]["responses"][str(status)]["content"]["application/json"]
        errors = list(_validator(document, schema["schema"]).iter_errors(answer.json))
        assert not errors, (url, errors[0].message)
