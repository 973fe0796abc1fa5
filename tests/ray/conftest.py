"""What the rooms of synapse_ray share: one cluster for all tests of a session, and drivers that find no other."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.ray.clusters import ENVIRONMENT, TestCluster

# Ray reads these when it is first imported; a driver's must be as its cluster's.
for _name in ("RAY_AUTH_MODE", "RAY_USAGE_STATS_ENABLED"):
    os.environ[_name] = ENVIRONMENT[_name]
os.environ.pop("RAY_ADDRESS", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives a test that may have to start a cluster of several nodes first the time for that on a slow machine."""
    for item in items:
        if "tests/ray/" in item.nodeid and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def cluster() -> Iterator[TestCluster]:
    """A cluster of one node with 4 logical cores, for tests that leave it as they found it."""
    made = TestCluster.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def driver(cluster: TestCluster) -> Iterator[Any]:
    """`ray`, connected to the session's cluster for this test."""
    yield from _connected(cluster)


@pytest.fixture(scope="module")
def module_driver(cluster: TestCluster) -> Iterator[Any]:
    """`ray`, connected to the session's cluster for all tests of a module, which so share warm workers."""
    yield from _connected(cluster)


def _connected(cluster: TestCluster) -> Iterator[Any]:
    import ray

    ray.init(cluster.address, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield ray
    finally:
        ray.shutdown()
