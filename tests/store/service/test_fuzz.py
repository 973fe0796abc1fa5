"""Whatever is sent to any path, the answer is one that the description has; the service never fails."""

from __future__ import annotations

import http.client
import json
from urllib.parse import quote

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from synapse_store.service.routes import ROUTES
from tests.store.serving import served

_FIELDS = st.sampled_from(
    [
        "name", "actions", "entrypoint", "needs", "params", "work_dir", "status", "result", "error", "current_action",
        "current_action_index", "action_progress", "progress", "total", "metrics", "message", "producer", "epoch",
        "seq", "events", "kind", "time", "payload", "checkpoints", "lease", "owner", "ttl", "over", "run", "id", "plan",
        "created_at", "action_name", "action_index", "entries", "level", "timestamp", "reason", "force", "nodes",
    ]
)  # fmt: skip
_WORDS = st.sampled_from(
    ["", "a", "load", "train", "running", "completed", "failed", "cancelled", "pending", "info", "2026-11-21T05:00:00Z",
     "action.log", "action.metrics", "action.progress", "run.created", "run.completed", "größe\x00", "run-fuzz",
     "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"]
)  # fmt: skip
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-3, 9)
    | st.floats(allow_nan=False)
    | _WORDS
    | st.text(max_size=5)
)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_FIELDS | st.text(max_size=3), inner, max_size=6),
    max_leaves=25,
)
_BODIES = [route for route in ROUTES if route.body is not None]
_QUERIES = [route for route in ROUTES if route.query and route.kind != "sse"]


@pytest.fixture(scope="module")
def service():
    with served() as running:
        yield running


@pytest.fixture(scope="module")
def check(service):
    document = service.get("/api/v1/openapi.json").json
    registry = Registry().with_resource("urn:api", Resource.from_contents(document, default_specification=DRAFT202012))

    def checked(route, answer):
        responses = document["paths"][route.path][route.method.lower()]["responses"]
        assert answer.status < 500, answer.body
        assert str(answer.status) in responses, (answer.status, answer.body)
        content = responses[str(answer.status)].get("content", {}).get("application/json")
        if content is not None:
            text = json.dumps(content["schema"]).replace('"#/', '"urn:api#/')
            errors = list(Draft202012Validator(json.loads(text), registry=registry).iter_errors(answer.json))
            assert not errors, errors[0].message

    return checked


@pytest.fixture(scope="module")
def run(service):
    return service.new_run("load", "train")


def _path(route, run, service):
    return (
        route.path.replace("{run_id}", run["id"])
        .replace("{pipeline_id}", run["pipeline_id"])
        .replace("{action_name}", "load")
    )


_SETTINGS = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@_SETTINGS
@given(st.sampled_from(_BODIES), _JSON)
def test_bodies(service, check, run, route, body):
    """Any JSON, to any path that takes some."""
    check(route, service.ask(route.method, _path(route, run, service), body))


@_SETTINGS
@given(st.sampled_from(_BODIES), st.data())
def test_bodies_that_nearly_fit(service, check, run, route, data):
    """The fields that a body has, with any values."""
    names = [field.name for field in attrs.fields(route.body)]
    body = data.draw(st.dictionaries(st.sampled_from(names), _JSON, min_size=min(2, len(names))))
    check(route, service.ask(route.method, _path(route, run, service), body))


@_SETTINGS
@given(st.sampled_from(_QUERIES), st.data())
def test_queries(service, check, run, route, data):
    """Any text for any field of a query, but for what deletes."""
    if route.method == "DELETE":
        return
    names = st.sampled_from([param.name for param in route.query])
    values = st.text(max_size=10) | _WORDS | st.integers().map(str)
    query = data.draw(st.lists(st.tuples(names, values), max_size=4))
    text = "&".join(f"{name}={quote(value.encode('utf-8', 'replace'))}" for name, value in query)
    check(route, service.ask(route.method, f"{_path(route, run, service)}?{text}"))


@_SETTINGS
@given(st.text(max_size=20))
def test_paths(service, text):
    """Anything in place of an id."""
    part = quote(text.encode("utf-8", "replace"), safe="")
    for path in (f"/api/v1/runs/{part}x", f"/api/v1/pipelines/{part}x", f"/static/{part}", f"/{part}x"):
        try:
            answer = service.get(path)
        except http.client.HTTPException:
            continue
        assert answer.status < 500, (path, answer.body)
