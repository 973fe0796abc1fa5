"""One cluster of three nodes for the tests of pipelines, and executors that use it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from synapse_ray import RayPipelineExecutor
from tests.ray.clusters import TestCluster, cluster_of
from tests.ray.pipeline.helpers import PLUGIN, Gate

MakeExecutor = Callable[..., RayPipelineExecutor]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user data folder of everything on the cluster."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def nodes(home: Path) -> Iterator[TestCluster]:
    """A head for engines and keepers, and two nodes that have the resource ``work``; left as they are found."""
    with cluster_of(num_cpus=2, env={"SYNAPSE_HOME": str(home)}) as cluster:
        cluster.add_node(num_cpus=2, resources={"work": 1})
        cluster.add_node(num_cpus=2, resources={"work": 1})
        yield cluster


@pytest.fixture
def gated(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of the tests' actions, as this process and the cluster import it."""
    monkeypatch.syspath_prepend(PLUGIN)
    return importlib.import_module("gated")


@pytest.fixture
def make_executor() -> Iterator[MakeExecutor]:
    """Makes executors that ship the tests' plugin, and closes them; no service unless one is named."""
    made: list[RayPipelineExecutor] = []

    def make(cluster: TestCluster, **options: Any) -> RayPipelineExecutor:
        said = {"working_dir": PLUGIN, "pipeline_service_url": None, "ray_address": cluster.address, **options}
        made.append(RayPipelineExecutor(**said))
        return made[-1]

    yield make
    for executor in made:
        executor.close()
    import ray

    ray.shutdown()


@pytest.fixture
def executor(make_executor: MakeExecutor, nodes: TestCluster) -> RayPipelineExecutor:
    """An executor on the cluster, which keeps its runs itself."""
    return make_executor(nodes)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """A folder for the notes of a test's actions."""
    folder = tmp_path / "gate"
    folder.mkdir()
    return Gate(folder)
