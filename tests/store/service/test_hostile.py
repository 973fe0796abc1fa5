"""Whatever a client sends, the answer is JSON that says what is wrong, and the service goes on."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket

import pytest

from synapse_core.builtin.memory import MemoryStore
from synapse_core.errors import StoreError, StoreUnavailableError, SynapseError
from synapse_store.service.serving import check_address
from synapse_store.service.settings import Settings
from tests.store.service.streaming import stream
from tests.store.serving import served


@pytest.fixture(scope="module")
def service():
    with served(settings=Settings(max_body=100_000)) as running:
        yield running


def _problem(answer, status):
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"].startswith("application/json")
    assert set(answer.json) >= {"detail", "errors"}
    for leak in (b"Traceback", b".py", b"site-packages", b"SELECT", b"synapse_store"):
        assert leak not in answer.body
    return answer.json


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'name': 1}",
        b'{"name": NaN}',
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"a":' * 9_000,
        b"1" * 5_000,
        b"nul",
        b'{"name": "a"} {}',
    ],
)
def test_what_is_no_json(service, body):
    """400, and why."""
    _problem(service.post("/api/v1/pipelines/", body), 400)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"])
def test_another_kind_of_body(service, kind):
    """415: a page of another site can send those without asking."""
    _problem(service.post("/api/v1/pipelines/", b"{}", Content_Type=kind), 415)


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({}, {"name", "actions"}),
        ([], {""}),
        (None, {""}),
        ("text", {""}),
        ({"name": 3, "actions": "x"}, {"name", "actions"}),
        ({"name": "", "actions": []}, {"name", "actions"}),
        ({"name": "a", "actions": [{"name": "x", "entrypoint": "m:X"}, {"name": "y"}]}, {"actions[1].entrypoint"}),
        ({"name": "a", "actions": [{"name": "x", "entrypoint": "m:X"}] * 2}, {"actions[1].name"}),
        (
            {"name": "a", "actions": [{"name": "x", "entrypoint": "m:X", "needs": ["z"]}]},
            {"actions[0].needs[0]"},
        ),
    ],
)
def test_wrong_fields_are_named(service, body, paths):
    """422, with the path of each."""
    answer = service.post("/api/v1/pipelines/", json.dumps(body).encode())
    assert {each["path"] for each in _problem(answer, 422)["errors"]} == paths


@pytest.mark.parametrize(
    ("report", "path"),
    [
        ({"current_action": "trian"}, "current_action"),
        ({"current_action_index": 9}, "current_action_index"),
        ({"current_action_index": -1}, "current_action_index"),
        ({"action_progress": {"name": "nobody"}}, "action_progress.name"),
        ({"action_progress": {"name": "load", "progress": 7}}, "action_progress.progress"),
        ({"action_progress": {"name": "load", "progress": 1, "total": 0}}, "action_progress.total"),
        ({"action_progress": {"name": "load", "progress": "half"}}, "action_progress.progress"),
        ({"action_progress": {"name": "load", "status": "cancelled"}}, "action_progress.status"),
    ],
)
def test_reports_that_make_no_sense(service, report, path):
    """422, and nothing was written."""
    run_id = service.new_run()["id"]
    answer = service.post(f"/api/v1/runs/{run_id}/progress", report)
    assert [each["path"] for each in _problem(answer, 422)["errors"]] == [path]
    assert len(service.get(f"/api/v1/runs/{run_id}/events").json) == 1


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "limit=1e3", "limit=99999999999999999999", "skip=-1", "status_filter=x", "since=yesterday",
     "limit=%D9%A3", "since=9999-12-31T23:59:59-23:00"],
)  # fmt: skip
def test_queries_that_make_no_sense(service, query):
    """422, with the name."""
    problem = _problem(service.get(f"/api/v1/runs?{query}"), 422)
    assert [each["path"] for each in problem["errors"]] == [query.partition("=")[0]]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/runs/nobody",
        "/api/v1/runs/..%2F..%2Fetc%2Fpasswd",
        "/api/v1/runs/%00",
        "/api/v1/runs/a%20b/progress",
        "/api/v1/runs/" + "x" * 3_000,
        "/api/v1/runs/nobody/progress/stream",
        "/api/v1/runs/nobody/events/stream",
        "/api/v1/runs/nobody/checkpoints/%F0%9F%A6%86",
        "/api/v1/stream?run=nobody",
        "/api/v1/pipelines/nobody",
        "/api/v2/runs",
        "/static/../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/service/app.py",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//api/v1/runs",
        "/static/%00",
        "/static/" + "x" * 2_000,
    ],
)
def test_paths_that_lead_nowhere(service, path):
    """404, and nothing of the file system."""
    _problem(service.get(path), 404)


def test_another_method(service):
    """405, with those that there are."""
    answer = service.ask("DELETE", "/api/v1/runs/")
    _problem(answer, 405)
    assert "GET" in answer.headers["Allow"]


def test_a_body_that_is_too_large(service):
    """413, whatever it is."""
    _problem(service.post("/api/v1/pipelines/", b"[" + b" " * 200_000 + b"]"), 413)


def test_a_body_that_is_not_encoded_as_it_says(service):
    """400; one that is comes in, and counts by what is in it."""
    body = json.dumps({"name": "packed", "actions": [{"name": "a", "entrypoint": "m:A"}]}).encode()
    path = "/api/v1/pipelines/"
    _problem(service.post(path, body, Content_Encoding="gzip"), 400)
    assert service.post(path, gzip.compress(body), Content_Encoding="gzip").json["name"] == "packed"
    _problem(service.post(path, gzip.compress(b" " * 200_000), Content_Encoding="gzip"), 413)


def test_unicode_survives(service):
    """In names, params, actions and logs: what was sent comes back."""
    text = "größe 🦆 \u2028 \x00 שלום \ud800"
    run = service.new_run(text, params={text: [text]})
    assert run["params"] == {text: [text]}
    assert run["progress"][0]["name"] == text
    with stream(service, f"/api/v1/runs/{run['id']}/progress/stream") as reader:
        assert reader.state()[1]["progress"][0]["name"] == text


def test_numbers_that_are_none(service):
    """What JSON can say and no float can hold neither breaks the service nor what it says."""
    run_id = service.new_run()["id"]
    body = b'{"action_progress": {"name": "load", "metrics": {"a": 1e999, "b": -1e999, "c": 1%s}}}' % (b"0" * 400)
    assert service.post(f"/api/v1/runs/{run_id}/progress", body).status == 200
    metrics = service.get(f"/api/v1/runs/{run_id}/progress").json["progress"][0]["metrics"]
    assert (metrics["a"], metrics["b"], metrics["c"]) == (None, None, 10**400)
    assert service.get(f"/api/v1/runs/{run_id}/metrics").status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8100", "localhost.evil.example", "", "127.0.0.1.nip.io"]
)
def test_another_host(service, host):
    """403: a name that was made to point here is none of ours."""
    _problem(service.get("/api/v1/runs", Host=host), 403)


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "[::1]:8100", "LOCALHOST."])
def test_our_own_hosts(service, host):
    """By any port, as there may be a tunnel."""
    assert service.get("/api/v1/runs", Host=host).status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "file://"])
def test_another_origin(service, origin):
    """403, for streams and for what is asked before."""
    for method in ("GET", "POST", "OPTIONS"):
        _problem(service.ask(method, "/api/v1/runs", headers={"Origin": origin}), 403)


def test_our_own_origin(service):
    """May ask."""
    host, port = service.address
    assert service.get("/api/v1/runs", Origin=f"http://{host}:{port}").status == 200


def test_named_origins():
    """Those that were named may ask, and are told so; before they do, too."""
    settings = Settings(origins=frozenset({"https://app.example"}))
    with served(settings=settings) as service:
        answer = service.get("/api/v1/runs", Origin="https://app.example")
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
        before = service.ask("OPTIONS", "/api/v1/runs", headers={"Origin": "https://app.example"})
        assert before.status == 204
        assert "PATCH" in before.headers["Access-Control-Allow-Methods"]
        run_id = service.new_run()["id"]
        with stream(service, f"/api/v1/runs/{run_id}/progress/stream", "Origin: https://app.example") as reader:
            assert "Access-Control-Allow-Origin: https://app.example" in reader.head


@pytest.mark.parametrize("origin", ["app.example", "https://app.example/page", "*", "null", "ftp://app.example", ""])
def test_what_is_no_origin(origin):
    """It is refused at the start: no browser would ever send it."""
    with pytest.raises(SynapseError, match="no origin"):
        Settings(origins={origin})


@pytest.mark.parametrize("host", ["https://app.example", "app.example:8100", "a:80", "a b", ""])
def test_what_is_no_host(host):
    """It is refused at the start: a name is compared without its port."""
    with pytest.raises(SynapseError, match="no host name"):
        Settings(hosts={host})


def test_origins_and_hosts_are_taken_as_browsers_write_them():
    """In small letters, an origin without a slash behind it."""
    settings = Settings(origins={"https://App.example:8443/", "http://[::1]:80"}, hosts={"Nas.local."})
    assert settings.origins == {"https://app.example:8443", "http://[::1]:80"}
    assert settings.hosts == {"nas.local"}


def test_without_the_token():
    """401 for all but health; the token, a cookie and a ticket let in, a ticket but once."""
    with served(settings=Settings(token="wörd")) as service:
        assert service.get("/health").status == 200
        for headers in (
            {},
            {"Authorization": "Bearer x"},
            {"Authorization": "Basic w"},
            {"Cookie": "synapse_session=x"},
        ):
            answer = service.ask("GET", "/api/v1/runs", headers=headers)
            assert _problem(answer, 401)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert service.ask("GET", "/metrics").status == 401
        token = {"Authorization": "Bearer wörd".encode().decode("latin-1")}
        assert service.ask("GET", "/api/v1/runs", headers=token).status == 200
        cookie = service.ask("POST", "/api/v1/session", headers=token).headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert service.ask("GET", "/api/v1/runs", headers={"Cookie": cookie.partition(";")[0]}).status == 200
        ticket = service.ask("POST", "/api/v1/tickets", headers=token).json["ticket"]
        assert service.get(f"/api/v1/runs?ticket={ticket}").status == 401
        with stream(service, f"/api/v1/stream?status=running&ticket={ticket}") as reader:
            assert reader.status == 200
        assert service.get(f"/api/v1/stream?status=running&ticket={ticket}").status == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.com"])
def test_no_token_no_service(host):
    """Where others can reach it, it does not start without one."""
    with pytest.raises(SynapseError, match="token"):
        check_address(host, None)
    check_address(host, "word")


@pytest.mark.parametrize(
    "sent",
    [b"\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
     b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
     b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
)  # fmt: skip
def test_what_is_no_http(service, sent):
    """The connection is refused or closed, and nothing is told."""
    answer = b""
    with socket.create_connection(service.address, timeout=30) as sock:
        # Who is refused before all was heard may meet a closed connection at any step.
        with contextlib.suppress(ConnectionError):
            sock.sendall(sent)
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while data := sock.recv(65536):
                answer += data
    assert b"Traceback" not in answer
    assert b"200 OK" not in answer
    assert service.get("/health").status == 200


def test_half_open_connections(service):
    """Many that say nothing, or half a request, hold nobody up."""
    held = []
    for number in range(200):
        sock = socket.create_connection(service.address, timeout=30)
        if number % 2:
            sock.sendall(b"POST /api/v1/pipelines/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        held.append(sock)
    assert service.get("/health").status == 200
    for sock in held:
        sock.close()


class _Broken(MemoryStore):
    async def list_runs(self, **_):
        raise StoreUnavailableError("/secret/path/runs.db is locked (SELECT 1)")

    async def progress(self, run_id):
        raise StoreError("/secret/path/runs.db is damaged (SELECT 1)")

    async def record(self, run_id):
        raise RuntimeError("at /secret/path")


@pytest.mark.filterwarnings("ignore")
def test_a_store_that_fails():
    """503 where it is away, 500 where it is broken; never what it said."""
    with served(_Broken()) as service:
        for path, status in (
            ("/health", 503),
            ("/api/v1/runs", 503),
            ("/api/v1/runs/x/progress", 500),
            ("/api/v1/runs/x/record", 500),
            ("/api/v1/runs/x/progress/stream", 500),
        ):
            answer = service.get(path)
            _problem(answer, status)
            assert b"secret" not in answer.body
