"""Connecting to real clusters, and what is said where that cannot be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from typing import Any

import pytest

from synapse_core.testing import raises
from synapse_ray.base import BaseRayExecutor
from synapse_ray.errors import ClusterUnreachableError, ResourcesError
from tests.ports import free_port
from tests.ray.clusters import TestCluster, cluster_of

pytestmark = pytest.mark.slow


def drive(code: str, env: Mapping[str, str] | None = None) -> str:
    """What a driver of its own prints; errors of Synapse are printed with their type."""
    program = f"""
from synapse_ray.base import BaseRayExecutor
from synapse_core.errors import SynapseError
try:
{textwrap.indent(textwrap.dedent(code), "    ")}
except SynapseError as error:
    print(type(error).__name__, error)
"""
    command = [sys.executable, "-c", program]
    own = {**os.environ, **(env or {})}
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=own, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_connection_for_all(cluster: TestCluster, driver: Any):
    """Executors share the connection that there is, under any of its names; another cluster is refused."""
    port = cluster.address.rpartition(":")[2]
    one = BaseRayExecutor(ray_address=cluster.address).connect()
    assert one is BaseRayExecutor().connect() is BaseRayExecutor(ray_address=f"localhost:{port}").connect()
    assert (one.gcs_address, one.ours) == (cluster.address, False)
    for other in ("local", f"127.0.0.1:{free_port()}", cluster.client_address):
        with raises(ClusterUnreachableError, cluster.address, other, "ray.shutdown()"):
            BaseRayExecutor(ray_address=other).connect()


def test_connecting_leaves_the_program_alone(cluster: TestCluster):
    """What the program does about SIGTERM stays, and nothing is printed."""
    code = f"""
    import signal
    signal.signal(signal.SIGTERM, lambda *_: None)
    before = signal.getsignal(signal.SIGTERM)
    found = BaseRayExecutor(ray_address="auto").connect()
    assert signal.getsignal(signal.SIGTERM) is before
    print(found.gcs_address == {cluster.address!r}, found.ours)
    """
    assert drive(code, {"SYNAPSE_RAY_ADDRESS": cluster.address}) == "True True\n"


def test_what_no_node_has(cluster: TestCluster, driver: Any):
    """Amounts that no one node has are told at once, with the most that there is."""
    base = BaseRayExecutor(ray_address=cluster.address, num_cpus=3, resources={"tpu": 1})
    with raises(ResourcesError, "CPU 3, tpu 1", "CPU 4, tpu 0", "num_cpus="):
        base.check_resources(base.options())
    base.check_resources({"num_cpus": 4, "max_retries": 0})
    BaseRayExecutor(ray_address=cluster.address, autoscaling=True).check_resources({"num_cpus": 100})
    with raises(ResourcesError, "GiB", "autoscaling=True"):
        base.check_resources({"memory": 10**15})


def test_a_private_ray():
    """`local` starts a Ray of this process's own; it ends with the process, not with the thread that connected."""
    code = """
    import ray, threading
    base = BaseRayExecutor(ray_address="local")
    connecting = threading.Thread(target=base.connect)
    connecting.start()
    connecting.join()
    assert base.connect() is base.connect()
    assert BaseRayExecutor().connect() is base.connect()
    print(ray.get(ray.remote(lambda: 6 * 7).remote()), base.connect().gcs_address)
    """
    answer, address = drive(code).split()
    assert answer == "42"
    with raises(ClusterUnreachableError, address):
        BaseRayExecutor(ray_address=address).connect()


def test_through_a_ray_client(cluster: TestCluster):
    """A `ray://` address connects, and a task runs with the environment that it is given."""
    code = f"""
    import ray
    base = BaseRayExecutor(ray_address={cluster.client_address!r}, env={{"COLOUR": "red"}}, num_cpus=1)
    print(base.connect().is_client)
    base.check_resources(base.options())
    def colour():
        import os
        return os.environ["COLOUR"]
    print(ray.get(ray.remote(colour).options(runtime_env=base.runtime_env(), **base.options()).remote()))
    """
    assert drive(code).splitlines()[-2:] == ["True", "red"]


def test_tokens_and_versions():
    """Without the cluster's token, with a wrong one, and with another version: each is said, with what to do."""
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "t" * 32}
    with cluster_of(num_cpus=1, env={**token, "PRETENDED_RAY_VERSION": "2.49.9"}) as cluster:
        code = f"BaseRayExecutor(ray_address={cluster.address!r}).connect()"
        for wrong in ({"RAY_AUTH_MODE": "disabled"}, {**token, "RAY_AUTH_TOKEN": "w" * 32}):
            said = drive(code, wrong)
            assert said.startswith("ClusterAuthError")
            assert cluster.address in said
            assert "RAY_AUTH_TOKEN" in said
            assert "RAY_AUTH_MODE=token" in said
            assert "w" * 32 not in said
        nowhere = {"RAY_AUTH_MODE": "token", "HOME": str(cluster.temp)}
        assert drive(code, nowhere).startswith("ClusterAuthError")
        said = drive(code, token)
        assert said.startswith("ClusterVersionError")
        assert "2.49.9" in said
        assert "install" in said


def test_a_frozen_head():
    """A head that is stopped is given up within seconds, and answers when it goes on."""
    with cluster_of(num_cpus=1) as cluster:
        cluster.head.signal_part("gcs_server", signal.SIGSTOP)
        with raises(ClusterUnreachableError, cluster.address, "did not answer"):
            BaseRayExecutor(ray_address=cluster.address).connect()
        cluster.head.signal_part("gcs_server", signal.SIGCONT)
        assert drive(f"print(BaseRayExecutor(ray_address={cluster.address!r}).connect().ours)") == "True\n"
