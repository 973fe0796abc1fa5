"""Addresses where there is no cluster: told within seconds, without asking Ray."""

from __future__ import annotations

import http.server
import importlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from synapse_core.testing import raises
from synapse_ray.base import BaseRayExecutor
from synapse_ray.errors import ClusterUnreachableError
from synapse_ray.probing import Endpoint, probe
from tests.ports import free_port


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_nobody_listens(scheme: str):
    """The address, the reason and what to do; also for a `ray://` address."""
    address = f"{scheme}127.0.0.1:{free_port()}"
    with raises(ClusterUnreachableError, address, "refused", "ray status"):
        BaseRayExecutor(ray_address=address).connect()


def test_nobody_answers():
    """A port that accepts and is silent, as that of a frozen head, is given up."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = Endpoint("127.0.0.1", silent.getsockname()[1])
        with raises(ClusterUnreachableError, "did not answer within 0.2 s"):
            probe(endpoint, patience=0.2)


def test_something_else_answers():
    """A web server is no cluster."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    try:
        with raises(ClusterUnreachableError, "not Ray"):
            probe(Endpoint("127.0.0.1", server.server_port), patience=60)
    finally:
        thread.join()
        server.server_close()


def test_something_else_than_ray_client_answers():
    """The head's own port speaks as Ray Client does, and knows nothing of it: it is told, with the port that does."""
    server = importlib.import_module("grpc").server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        probe(Endpoint("127.0.0.1", port))
        with raises(ClusterUnreachableError, f"ray://127.0.0.1:{port}", "not Ray Client", "10001"):
            probe(Endpoint("127.0.0.1", port, is_client=True), patience=60)
    finally:
        server.stop(None).wait()


def test_a_dashboards_address():
    """It is told for what it is good."""
    with raises(ClusterUnreachableError, "'http://head:8265'", "ray-jobs-api", "host:6379"):
        BaseRayExecutor(ray_address="http://head:8265").connect()


def test_a_cluster_that_crashed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """`auto` takes the cluster that was last started on this machine; if that has crashed, it is said at once."""
    address = f"127.0.0.1:{free_port()}"
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text(address)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    with raises(ClusterUnreachableError, address, "refused"):
        BaseRayExecutor().connect()


def test_no_such_host():
    """A host name that nobody knows is named."""
    with raises(ClusterUnreachableError, "nosuchhost.invalid"):
        BaseRayExecutor(ray_address="nosuchhost.invalid:6379").connect()


@pytest.mark.parametrize("address", ["hello", "host:", "host:x", "ray://", "ray://h:99999", ""])
def test_what_is_no_address(address: str):
    """What cannot be an address is told with the forms that there are."""
    with raises(ClusterUnreachableError, repr(address), "host:6379"):
        Endpoint.of(address)


def test_addresses():
    """Host and port of each form."""
    assert Endpoint.of("head:6379") == Endpoint("head", 6379)
    assert Endpoint.of("ray://head") == Endpoint("head", 10001, is_client=True)
    assert str(Endpoint.of("ray://[::1]:1234")) == "ray://[::1]:1234"
