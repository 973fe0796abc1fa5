"""One cluster with a dashboard for these tests; everything is asked of it over HTTP."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_ray.jobs_api import RayJobsApiExecutor
from tests.ray.clusters import TestCluster, cluster_of

PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
"""A job's command runs the first ``python`` there: that of these tests."""


@pytest.fixture(scope="package")
def board() -> Iterator[TestCluster]:
    """A cluster with a dashboard, and two nodes."""
    with cluster_of(dashboard=True, num_cpus=8, env={"PATH": PATH}) as cluster:
        cluster.add_node(num_cpus=4, resources={"other": 1})
        yield cluster


@pytest.fixture
def jobs(board: TestCluster) -> RayJobsApiExecutor:
    return RayJobsApiExecutor(dashboard_address=board.dashboard_url)
