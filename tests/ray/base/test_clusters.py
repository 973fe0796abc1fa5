"""The clusters that tests run on."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from synapse_core.testing import wait_until
from synapse_core.testing.processes import is_alive
from tests.ray.clusters import cluster_of


@pytest.mark.slow
def test_a_driver_runs_tasks(driver: Any):
    """A driver that is connected by address gets its tasks run."""
    assert driver.get(driver.remote(lambda: 6 * 7).remote()) == 42


@pytest.mark.slow
def test_nodes_come_and_go():
    """A node joins, is seen, dies within seconds when it is killed; nothing of a cluster is left when it is stopped."""
    import ray

    with cluster_of(num_cpus=1) as cluster:
        node = cluster.add_node(resources={"here": 1})
        ray.init(cluster.address, log_to_driver=False, logging_level=logging.ERROR)
        try:
            assert ray.cluster_resources()["here"] == 1
            node.kill()
            wait_until(lambda: "here" not in ray.cluster_resources(), "the node to be seen as dead")
        finally:
            ray.shutdown()
        pids = cluster.head.pids()
    assert not [pid for pid in pids if is_alive(pid)]
    assert not cluster.temp.exists()
