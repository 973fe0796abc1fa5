"""The way to a dashboard: what is wrong with it is said within seconds."""

from __future__ import annotations

import http.server
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from synapse_core import SynapseError
from synapse_core.testing import actions
from synapse_ray.errors import ClusterAuthError, ClusterUnreachableError, RayConfigError
from synapse_ray.jobs_api import RayJobsApiExecutor
from synapse_ray.jobs_api.token import headers
from tests.ports import free_port


class Other(http.server.BaseHTTPRequestHandler):
    """A web server that is no dashboard; one that wants a token, at another path."""

    def do_GET(self) -> None:
        refuses = self.headers.get("Authorization") != "Bearer right"
        self.send_response(401 if refuses else 404)
        self.end_headers()
        self.wfile.write(b"Unauthorized: Missing authentication token" if refuses else b"<html>hello</html>")

    def log_message(self, *_args: object) -> None:
        return


@pytest.fixture
def other() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_nobody_there():
    """The message says where that was, and how to say another place."""
    address = f"http://127.0.0.1:{free_port()}"
    jobs = RayJobsApiExecutor(dashboard_address=address)
    for ask in (
        lambda: jobs.submit(actions.echo, {}),
        lambda: jobs.get_status("any"),
        lambda: jobs.get_logs("any"),
        lambda: jobs.get_result("any"),
        lambda: jobs.wait("any"),
        lambda: jobs.stop("any"),
        lambda: jobs.delete("any"),
        jobs.list_jobs,
    ):
        with pytest.raises(ClusterUnreachableError, match=rf"{address}: Connection refused(.|\n)*dashboard_address="):
            ask()


def test_somebody_else_there(other: str, monkeypatch: pytest.MonkeyPatch):
    """A web server that has no Jobs API."""
    monkeypatch.delenv("RAY_AUTH_MODE")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "right")
    with pytest.raises(ClusterUnreachableError, match=r"has no Jobs API of Ray(.|\n)*http://localhost:8265"):
        RayJobsApiExecutor(dashboard_address=other).submit(actions.echo, {})


def test_the_port_of_the_cluster_itself():
    """Its head's own, 6379: a message for gRPC's clients is not shown to people."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection = server.accept()[0]
            with connection:
                connection.recv(65536)
                connection.sendall(b"\0\0\x18\4\0\0\0\0\0")

        answering = threading.Thread(target=answer)
        answering.start()
        jobs = RayJobsApiExecutor(dashboard_address=f"127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(ClusterUnreachableError, match=r"speaks no HTTP(.|\n)*dashboard_address="):
            jobs.list_jobs()
        answering.join()


def test_a_token_is_wanted(other: str, monkeypatch: pytest.MonkeyPatch):
    """The message says where it may stand."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(ClusterAuthError, match=r"refused this process(.|\n)*RAY_AUTH_TOKEN"):
        RayJobsApiExecutor(dashboard_address=other).submit(actions.echo, {})


def test_where_a_token_is_found(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """As Ray's documentation says: the variable before the file it names, that before the one in the home folder."""
    monkeypatch.delenv("RAY_AUTH_MODE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert headers() == {}
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("at home\n")
    assert headers() == {"Authorization": "Bearer at home"}
    named = tmp_path / "named"
    named.write_text("named")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(named))
    assert headers() == {"Authorization": "Bearer named"}
    monkeypatch.setenv("RAY_AUTH_TOKEN", "said")
    assert headers() == {"Authorization": "Bearer said"}


def test_an_address_that_is_no_dashboards():
    """Of the cluster itself: the other executors take it, this one cannot."""
    with pytest.raises(RayConfigError, match=r"'ray://head:10001'(.|\n)*dashboard_address='http://HOST:8265'"):
        RayJobsApiExecutor(ray_address="ray://head:10001")
    both = RayJobsApiExecutor(ray_address="10.0.0.1:6379", dashboard_address="http://head:8266")
    assert both.dashboard.address == "http://head:8266"
    assert RayJobsApiExecutor(ray_address="http://head:8265").dashboard.address == "http://head:8265"
    assert RayJobsApiExecutor(dashboard_address="head:8265/").dashboard.address == "http://head:8265"
    assert RayJobsApiExecutor().dashboard.address == "http://localhost:8265"


def test_params_are_looked_at_before_anything_is_asked_of_the_cluster():
    """All wrong fields at once, as everywhere."""
    jobs = RayJobsApiExecutor(dashboard_address="http://127.0.0.1:1")
    with pytest.raises(SynapseError, match="progres"):
        jobs.submit(actions.report, {"progres": 3})


def test_a_ray_without_its_jobs_api():
    """What is missing here is said, with what installs it."""
    script = """
import sys
sys.modules["aiohttp"] = None
sys.modules["aiohttp.web"] = None
from synapse_ray.jobs_api.submission import JobRequest, _within, _submitted
try:
    _within(60, lambda: _submitted("http://127.0.0.1:1", JobRequest("a", "true")), "http://127.0.0.1:1")
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "ExtraMissingError" in done.stdout, done.stderr
    assert "pip install 'ray[default]'" in done.stdout


def test_nothing_heavy_is_imported_before_it_is_needed():
    """Neither Ray nor what speaks HTTP, for a program that only makes an executor."""
    script = "import sys; from synapse_ray import RayJobsApiExecutor; RayJobsApiExecutor(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {"ray", "requests", "aiohttp"}.isdisjoint(done.stdout.split())
