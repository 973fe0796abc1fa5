"""Reports that go past the router are told the same, and checked the same, as those that go the ordinary way."""

from __future__ import annotations

import json
import logging
import socket

import pytest

from synapse_store.service.settings import Settings
from tests.store.serving import served

_EVENT = {"kind": "action.log", "action": "train", "payload": {"level": "info", "message": "größe"}}
_REPORT = {"action_progress": {"name": "train", "progress": 0.5}}


@pytest.fixture(scope="module")
def service():
    with served() as running:
        yield running


def _batch(seq: int = 1, **more):
    return {"producer": "p", "epoch": 1, "seq": seq, "events": [_EVENT], **more}


def _both(service, path: str, body, **headers: str):
    """The answers to a plain request, and to one with our own origin, which goes the ordinary way."""
    return service.post(path, body, **headers), service.post(path, body, **{"Origin": service.url, **headers})


def _headers(answer):
    return {name.lower(): value for name, value in answer.headers.items() if name not in {"Date", "Content-Length"}}


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(("end", "body"), [("events", _batch()), ("progress", _REPORT)])
def test_the_same_answer(service, end, body, slash):
    """Status, headers and body do not tell which way a request went."""
    path = f"/api/v1/runs/{service.new_run()['id']}/{end}{slash}"
    service.post(path, body)  # from now on it is no news
    plain, ordinary = _both(service, path, body)
    assert (plain.status, plain.json, _headers(plain)) == (200, ordinary.json, _headers(ordinary))
    assert plain.headers["Content-Length"] == str(len(plain.body))


@pytest.mark.parametrize(
    ("end", "body", "headers", "status"),
    [
        ("events", b"{", {}, 400),
        ("events", _batch(3), {}, 409),
        ("events", _batch(seq=0), {}, 422),
        ("events", _batch(), {"Content_Type": "text/plain"}, 415),
        ("events", _batch(), {"Host": "evil.example"}, 403),
        ("progress", {"action_progress": {"name": "nobody"}}, {}, 422),
        ("progress", b"[NaN]", {}, 400),
    ],
)
def test_the_same_refusals(service, end, body, headers, status):
    """What is wrong is told in the same words."""
    path = f"/api/v1/runs/{service.new_run()['id']}/{end}"
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    plain = service.ask("POST", path, body, sent)
    ordinary = service.ask("POST", path, body, {"Origin": f"http://{sent.get('Host', service.url[7:])}", **sent})
    assert (plain.status, plain.json, _headers(plain)) == (status, ordinary.json, _headers(ordinary))


@pytest.mark.parametrize("end", ["events", "progress"])
@pytest.mark.parametrize("run_id", ["no-such-run", "%2e%2e", "a%2Fb", "-x"])
def test_runs_that_are_not_there(service, end, run_id):
    """They are 404 on both ways, and so is what can be no run's id."""
    body = _batch() if end == "events" else _REPORT
    plain, ordinary = _both(service, f"/api/v1/runs/{run_id}/{end}", body)
    assert plain.status == ordinary.status == 404
    assert plain.json == ordinary.json


def test_minimal_answers(service):
    """A reporter that wants no answer gets 204, with the headers of every answer."""
    answer = service.post(f"/api/v1/runs/{service.new_run()['id']}/progress", _REPORT, Prefer="return=minimal")
    assert (answer.status, answer.body, answer.headers["Cache-Control"]) == (204, b"", "no-store")


def test_token_and_size():
    """Both are looked at as everywhere."""
    with served(settings=Settings(token="secret", max_body=1000)) as running:
        run_id = running.ask(
            "POST",
            "/api/v1/runs",
            {
                "run": {"id": "r1", "name": "demo", "params": {}, "plan": {}, "created_at": "2026-11-21T00:00:00Z"},
                "events": [],
            },
            {"Authorization": "Bearer secret"},
        ).json
        assert run_id == {"seq": 0}
        path = "/api/v1/runs/r1/events"
        assert running.post(path, _batch()).status == 401
        assert running.post(path, _batch(), Authorization="Bearer wrong").status == 401
        assert running.post(path, _batch(), Authorization="Bearer secret").json == {"seq": 1}
        large = _batch(2, more="x" * 1000)
        assert running.post(path, large, Authorization="Bearer secret").status == 413


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_connections(service, version):
    """Two requests that come in one piece are answered in turn; an old client's connection is closed."""
    path = f"/api/v1/runs/{service.new_run()['id']}/events"
    data = json.dumps(_batch()).encode()
    head = f"POST {path} HTTP/{version}\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data
    with socket.create_connection(service.address, timeout=10) as sock:
        sock.sendall(request * (2 if version == "1.1" else 1))
        if version == "1.1":
            sock.sendall(request.replace(b"Host", b"Connection: close\r\nHost"))
        with sock.makefile("rb") as answers:
            text = answers.read()
    assert text.count(b" 200 OK\r\n") == text.count(b'{"seq":2}') == (3 if version == "1.1" else 1)


def test_counts_and_the_log(service, caplog):
    """Both ways are one path in the metrics, and a line in the access log."""
    path = f"/api/v1/runs/{service.new_run()['id']}/events"
    row = 'synapse_requests_total{method="POST",path="/api/v1/runs/{run_id}/events",status="200"}'

    def count() -> int:
        lines = service.get("/metrics").body.decode().splitlines()
        return sum(int(line.removeprefix(row)) for line in lines if line.startswith(row))

    before = count()
    with caplog.at_level(logging.INFO, "synapse.access"):
        _both(service, path, _batch())
    assert count() == before + 2
    lines = [json.loads(record.message) for record in caplog.records if record.name == "synapse.access"]
    told = [(line["path"], line["status"], line["bytes"] > 0) for line in lines if line["method"] == "POST"]
    assert told == [(path, 200, True)] * 2
