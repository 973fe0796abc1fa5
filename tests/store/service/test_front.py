"""Reports that go past aiohttp are told the same, and checked the same, as those that go the ordinary way."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from synapse_core.builtin.memory import MemoryStore
from synapse_core.events import Draft, Event, Kind, now
from synapse_store import SQLiteStore
from synapse_store.service import front
from synapse_store.service.settings import Settings
from tests.store.serving import served

_EVENT = {"kind": "action.log", "action": "train", "payload": {"level": "info", "message": "größe"}}
_REPORT = {"action_progress": {"name": "train", "progress": 0.5}}


@pytest.fixture(scope="module", params=["sqlite", "memory"])
def service(request, tmp_path_factory):
    """One that takes reports at once, and one whose store cannot: they tell the same."""
    store = SQLiteStore(tmp_path_factory.mktemp("store") / "runs.db") if request.param == "sqlite" else MemoryStore()
    with served(store) as running:
        yield running


@pytest.fixture(scope="module")
def durable(tmp_path_factory):
    with served(SQLiteStore(tmp_path_factory.mktemp("durable") / "runs.db")) as running:
        yield running


def _batch(seq: int = 1, **more):
    return {"producer": "p", "epoch": 1, "seq": seq, "events": [_EVENT], **more}


def _both(service, path: str, body, **headers: str):
    """The answers to a plain request, whose head is known, and to one with our own origin, which aiohttp has."""
    service.post(path, body, **headers)
    before = _gathered(service)
    plain = service.post(path, body, **headers)
    if isinstance(service.store, SQLiteStore) and plain.status < 300:
        assert _gathered(service) == before + 1, "it went the ordinary way"
    return plain, service.post(path, body, **{"Origin": service.url, **headers})


def _count(service, name: str) -> int:
    lines = service.get("/metrics").body.decode().splitlines()
    return sum(int(line.removeprefix(f"{name} ")) for line in lines if line.startswith(f"{name} "))


def _gathered(service) -> int:
    """How many reports were taken at once."""
    return _count(service, "synapse_gathered_total")


def _headers(answer):
    return {name.lower(): value for name, value in answer.headers.items() if name not in {"Date", "Content-Length"}}


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(("end", "body"), [("events", _batch()), ("progress", _REPORT)])
def test_the_same_answer(service, end, body, slash):
    """Status, headers and body do not tell which way a request went."""
    path = f"/api/v1/runs/{service.new_run()['id']}/{end}{slash}"
    plain, ordinary = _both(service, path, body)
    assert (plain.status, plain.json, _headers(plain)) == (200, ordinary.json, _headers(ordinary))
    assert plain.headers["Content-Length"] == str(len(plain.body))


@pytest.mark.parametrize(
    ("end", "body", "headers", "status"),
    [
        ("events", b"{", {}, 400),
        ("events", _batch(3), {}, 409),
        ("events", _batch(1, epoch=0), {}, 409),
        ("events", _batch(2, lease={"owner": "nobody", "epoch": 7}), {}, 409),
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
    service.post(path, _batch() if end == "events" else _REPORT)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    plain = service.ask("POST", path, body, sent)
    ordinary = service.ask("POST", path, body, {"Origin": f"http://{sent.get('Host', service.url[7:])}", **sent})
    assert (plain.status, plain.json, _headers(plain)) == (status, ordinary.json, _headers(ordinary))


@pytest.mark.parametrize("end", ["events", "progress"])
def test_a_run_that_is_gone(service, end):
    """A head that was known tells of a run that is deleted what aiohttp's way tells."""
    run_id = service.new_run()["id"]
    path, body = f"/api/v1/runs/{run_id}/{end}", _batch() if end == "events" else _REPORT
    assert service.post(path, body).status == 200
    assert service.post(path, body).status == 200
    assert service.ask("DELETE", f"/api/v1/runs/{run_id}?orphaned=true").status == 204
    plain, ordinary = _both(service, path, body)
    assert plain.status == ordinary.status == 404
    assert plain.json == ordinary.json


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
    path = f"/api/v1/runs/{service.new_run()['id']}/progress"
    for answer in _both(service, path, _REPORT, Prefer="return=minimal"):
        assert (answer.status, answer.body, answer.headers["Cache-Control"]) == (204, b"", "no-store")


def test_token_and_size(tmp_path):
    """Both are looked at as everywhere, also where the heads of others are known; a cookie's head is read anew."""
    settings = Settings(token="secret", max_body=1000)
    with served(SQLiteStore(tmp_path / "runs.db"), settings=settings) as running:
        run = {"id": "r1", "name": "demo", "params": {}, "plan": {}, "created_at": "2026-11-21T00:00:00Z"}
        right = {"Authorization": "Bearer secret"}
        assert running.post("/api/v1/runs", {"run": run, "events": []}, **right).json == {"seq": 0}
        path = "/api/v1/runs/r1/events"
        assert running.post(path, _batch()).status == 401
        assert running.post(path, _batch(), Authorization="Bearer wrong").status == 401
        assert running.post(path, _batch(), **right).json == {"seq": 1}
        assert running.post(path, _batch(2), **right).json == {"seq": 2}
        assert running.post(path, _batch(3), Authorization="Bearer wrongs").status == 401
        assert running.post(path, _batch(3)).status == 401
        assert running.post(path, _batch(3, more="x" * 1000), **right).status == 413
        cookie = running.post("/api/v1/session", **right).headers["Set-Cookie"].partition(";")[0]
        taken = running.get("/metrics", **right).body
        assert [running.post(path, _batch(3), Cookie=cookie).status for _ in range(3)] == [200] * 3
        line = b"synapse_gathered_total 1\n"
        assert line in taken
        assert line in running.get("/metrics", **right).body


# -- connections ------------------------------------------------------------------------------------------------


def _request(path: str, body, **headers: str) -> bytes:
    data = json.dumps(body).encode()
    lines = {"Host": "localhost", "Content-Type": "application/json", "Content-Length": str(len(data)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + data


@contextmanager
def _connected(service) -> Iterator[tuple[socket.socket, BinaryIO]]:
    with socket.create_connection(service.address, timeout=60) as sock, sock.makefile("rb") as answers:
        yield sock, answers


def _answer(answers: BinaryIO) -> tuple[int, Any]:
    status = int(answers.readline().split()[1])
    length = 0
    while line := answers.readline().strip():
        name, _, value = line.lower().partition(b": ")
        length = int(value) if name == b"content-length" else length
    return status, json.loads(answers.read(length)) if length else None


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_connections(service, version):
    """Two requests that come in one piece are answered in turn; an old client's connection is closed."""
    path = f"/api/v1/runs/{service.new_run()['id']}/events"
    request = _request(path, _batch()).replace(b"HTTP/1.1", f"HTTP/{version}".encode())
    with _connected(service) as (sock, answers):
        sock.sendall(request * (2 if version == "1.1" else 1))
        if version == "1.1":
            sock.sendall(request.replace(b"Host", b"Connection: close\r\nHost"))
        text = answers.read()
    assert text.count(b" 200 OK\r\n") == text.count(b'{"seq":2}') == (3 if version == "1.1" else 1)


def test_one_connection_for_all(durable):
    """A connection that brings other requests between its reports has these taken at once all the same."""
    path = f"/api/v1/runs/{durable.new_run()['id']}/events"
    other = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with _connected(durable) as (sock, answers):
        before = _gathered(durable)
        for number in range(1, 6):
            for request in (_request(path, _batch(number)), other):
                sock.sendall(request)
                assert _answer(answers)[0] == 200
    assert _gathered(durable) == before + 4


def test_a_report_in_pieces(durable, monkeypatch):
    """Wherever it is cut, it is answered; also where the rest comes so late that aiohttp waits for it."""
    path = f"/api/v1/runs/{durable.new_run()['id']}/events"
    with _connected(durable) as (sock, answers):
        sock.sendall(_request(path, _batch()))
        first = _answer(answers)
        assert first[0] == 200
        before = _gathered(durable)
        request = _request(path, _batch())
        head = request.index(b"\r\n\r\n") + 4
        for cut, soon in ((head, 60), (len(request) - 1, 60), (head, 0), (head + 5, 0)):
            monkeypatch.setattr(front, "_SOON", soon)
            sock.sendall(request[:cut])
            assert durable.get("/health").status == 200  # by then the first piece was read
            sock.sendall(request[cut:])
            assert _answer(answers) == first
        assert _gathered(durable) == before + 2
        sock.sendall(request[:7])
        assert durable.get("/health").status == 200
        sock.sendall(request[7:])
        assert _answer(answers) == first


def test_reports_that_do_not_wait_for_answers(durable):
    """They are taken in order and answered in order, however many there are, and whoever is slow to read."""
    run_id = durable.new_run()["id"]
    count = 500
    with _connected(durable) as (sock, answers):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(_request(f"/api/v1/runs/{run_id}/progress", _REPORT))
        assert _answer(answers)[0] == 200
        for number in range(1, 4):
            sock.sendall(_request(f"/api/v1/runs/{run_id}/events", _batch(number)))
        start = _answer(answers)[1]["seq"]
        assert [_answer(answers) for _ in range(2)] == [(200, {"seq": start + 1}), (200, {"seq": start + 2})]
        reports = [{"action_progress": {"name": "train", "progress": (n + 1) / count}} for n in range(count)]
        data = b"".join(_request(f"/api/v1/runs/{run_id}/progress", each) for each in reports)
        sender = threading.Thread(target=sock.sendall, args=(data,))
        sender.start()
        told = [_answer(answers) for _ in reports]
        sender.join()
    assert {status for status, _ in told} == {200}
    assert [run["progress"][1]["progress"] for _, run in told] == [
        each["action_progress"]["progress"] for each in reports
    ]


# -- what is written --------------------------------------------------------------------------------------------


def _at_once(durable, requests: Sequence[bytes]) -> list[tuple[int, Any]]:
    """The answers to requests that are sent on as many connections, before any of them is answered."""
    with ExitStack() as stack:
        connections = [stack.enter_context(_connected(durable)) for _ in requests]
        for (sock, _), request in zip(connections, requests, strict=True):
            sock.sendall(request)
        return [_answer(answers) for _, answers in connections]


def test_batches_that_come_at_once(durable):
    """One that is sent by many connections is written once; one that is wrong is no matter to the others."""
    run_id = durable.new_run()["id"]
    path = f"/api/v1/runs/{run_id}/events"
    for _ in range(2):
        durable.post(path, _batch())
    sent = [_batch(2), _batch(2), _batch(9), _batch(1, producer="q"), _batch(1, producer="q"), _batch(2)] * 5
    _at_once(durable, [_request(path, _batch())])
    answers = _at_once(durable, [_request(path, each) for each in sent])
    assert [status for status, _ in answers] == [200, 200, 409, 200, 200, 200] * 5
    events = durable.get(path).json
    assert [event["seq"] for event in events] == list(range(1, 5))


def test_reports_that_come_at_once(durable):
    """Of many connections on one run: each is taken, and told in a state that has it."""
    run_id = durable.new_run("a", "b")["id"]
    path = f"/api/v1/runs/{run_id}/progress"
    _at_once(durable, [_request(path, {"action_progress": {"name": "a", "message": "first"}})])
    reports: list[dict[str, Any]] = [{"name": "ab"[n % 2], "metrics": {f"m{n}": n}} for n in range(40)]
    before = _gathered(durable), _count(durable, "synapse_groups_total")
    answers = _at_once(durable, [_request(path, {"action_progress": each}) for each in reports])
    for report, (status, run) in zip(reports, answers, strict=True):
        assert status == 200
        metrics = {name: value for entry in run["progress"] for name, value in entry["metrics"].items()}
        assert {name: metrics[name] for name in report["metrics"]} == report["metrics"]
    state = durable.get(path).json
    assert [len(entry["metrics"]) for entry in state["progress"]] == [20, 20]
    taken, groups = _gathered(durable) - before[0], _count(durable, "synapse_groups_total") - before[1]
    assert taken == 40
    assert groups <= taken
    kinds = [event["kind"] for event in durable.get(f"/api/v1/runs/{run_id}/events").json]
    assert kinds.count("action.metrics") == 40
    assert kinds.count("action.started") == 2


def test_what_others_write_meanwhile(tmp_path):
    """A report is told with what another process has written to the run."""
    with served(SQLiteStore(tmp_path / "runs.db")) as durable:
        run_id = durable.new_run("a", "b")["id"]
        path = f"/api/v1/runs/{run_id}/progress"
        for share in (0.1, 0.2):
            assert durable.post(path, {"action_progress": {"name": "a", "progress": share}}).status == 200
        asyncio.run(_written_by_another(tmp_path / "runs.db", run_id))
        before = _gathered(durable)
        run = durable.post(path, {"action_progress": {"name": "a", "progress": 0.3}}).json
        assert _gathered(durable) == before + 1
        assert [entry["message"] for entry in run["progress"]] == [None, "by another"]
        assert run == durable.get(f"/api/v1/runs/{run_id}").json


async def _written_by_another(path: Path, run_id: str) -> None:
    store = SQLiteStore(f"sqlite:///{path}?durability=normal")
    await store.append(run_id, [Draft(Kind.ACTION_MESSAGE, now(), "b", 1, {"message": "by another"})])
    await store.aclose()


def test_what_cannot_be_written(tmp_path, caplog):
    """Who reports is told, and what was not written is not told as if it were."""
    with served(SQLiteStore(tmp_path / "runs.db")) as durable:
        run_id = durable.new_run()["id"]
        path = f"/api/v1/runs/{run_id}/progress"
        for share in (0.1, 0.2):
            durable.post(path, {"action_progress": {"name": "train", "progress": share}})
        (tmp_path / "runs.db").unlink()
        answers = [durable.post(path, {"action_progress": {"name": "train", "progress": n / 10}}) for n in (5, 6, 6)]
        assert [answer.status for answer in answers] == [500] * 3
        assert answers[0].json["detail"] == "the store failed; the service's log says why"
        assert "was deleted" in caplog.text
        state = durable.post(path, {"action_progress": {"name": "train", "progress": 0.2}})  # that is no news
        assert state.json["progress"][1]["progress"] == 0.2


def test_reports_on_their_way_when_it_ends(tmp_path):
    """A service that is stopped answers what it has taken; whatever it has answered is written, and once."""
    with served(SQLiteStore(tmp_path / "runs.db")) as durable, ExitStack() as stack:
        path = f"/api/v1/runs/{durable.new_run()['id']}/events"
        for _ in range(2):
            assert durable.post(path, _batch()).status == 200
        connections = [stack.enter_context(_connected(durable)) for _ in range(20)]
        _at_once(durable, [_request(path, _batch())])
        for number, (sock, _) in enumerate(connections):
            sock.sendall(_request(path, _batch(producer=f"p{number}", events=[{**_EVENT, "action": f"a{number}"}])))
        durable.stop()
        answered = [number for number, (_, answers) in enumerate(connections) if b'{"seq":' in _all(answers)]
    events = asyncio.run(_events(tmp_path / "runs.db", path.split("/")[4]))
    actions = [event.action for event in events if str(event.action).startswith("a")]
    assert {f"a{number}" for number in answered} <= set(actions)
    assert len(actions) == len(set(actions))


def _all(answers: BinaryIO) -> bytes:
    try:
        return answers.read()
    except ConnectionError:  # it had no time left to read the request
        return b""


async def _events(path: Path, run_id: str) -> list[Event]:
    store = SQLiteStore(path)
    events = await store.read(run_id)
    await store.aclose()
    return events


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
    assert count() == before + 3
    lines = [json.loads(record.message) for record in caplog.records if record.name == "synapse.access"]
    told = [(line["path"], line["status"], line["bytes"] > 0) for line in lines if line["method"] == "POST"]
    assert told == [(path, 200, True)] * 3
