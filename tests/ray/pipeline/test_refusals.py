"""What cannot be run on a cluster is refused within seconds, with what to do, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from synapse_core import Node, Resources, action
from synapse_core.errors import PipelineError, StoreError, StoreUnavailableError, SynapseError
from synapse_core.testing import actions
from synapse_ray.errors import ClusterUnreachableError, ResourcesError
from synapse_ray.pipeline.executor import RayPipelineExecutor
from tests.ray.clusters import TestCluster, free_port
from tests.ray.pipeline.conftest import MakeExecutor
from tests.ray.pipeline.helpers import has_engine, service_in


@pytest.fixture
def nowhere():
    """An executor whose cluster does not exist: what is refused before it is asked for needs none."""
    made = RayPipelineExecutor(ray_address=f"127.0.0.1:{free_port()}", pipeline_service_url=None)
    yield made
    made.close()


def test_what_is_defined_in_a_function_cannot_travel(nowhere: RayPipelineExecutor):
    """No other process finds it; said with its node's name."""

    @action("inner")
    def inner(params: dict[str, Any]) -> dict[str, Any]:
        return params

    with pytest.raises(PipelineError, match=r"node 'inner'.*inside a function"):
        nowhere.submit([inner], {})


def test_a_condition_without_a_name_cannot_travel(nowhere: RayPipelineExecutor):
    """A lambda in ``when`` is refused; what to write is said."""
    with pytest.raises(PipelineError, match=r"when=.*cannot be found again"):
        nowhere.submit([Node(actions.echo, when=lambda _: True)], {})


def test_a_class_of_the_main_program_cannot_travel():
    """Nor what is defined where the program itself is, outside of the folder that is shipped."""
    source = (
        "from synapse_core import action\n"
        "from synapse_ray import RayPipelineExecutor\n"
        "@action('mine')\n"
        "def mine(params: dict) -> dict:\n"
        "    return params\n"
        f"e = RayPipelineExecutor(ray_address='127.0.0.1:{free_port()}', pipeline_service_url=None)\n"
        "try:\n"
        "    e.submit([mine], {})\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    told = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True).stdout
    assert told.startswith("PipelineError")
    assert "interactive session" in told


def test_actions_of_several_folders_cannot_travel_together(nowhere: RayPipelineExecutor, tmp_path):
    """One folder is shipped; they are named, and what to give instead."""
    from synapse_core.actiondef import ActionSpec

    specs = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"in_{name}.py").write_text(
            f"from synapse_core import action\n\n@action('{name}')\n"
            f"def {name}(params: dict) -> dict:\n    return params\n"
        )
        specs.append(ActionSpec(name, f"in_{name}:{name}", root=str(folder)))
    with pytest.raises(PipelineError, match=r"several folders: .*one, .*two"):
        nowhere.submit(specs, {})


def test_an_unknown_option_is_refused(nowhere: RayPipelineExecutor):
    """With what there is, and what was meant."""
    with pytest.raises(TypeError, match="did you mean 'grace'"):
        nowhere.submit([actions.echo], {}, grase=1.0)


def test_a_cluster_that_is_not_there(nowhere: RayPipelineExecutor):
    """The error is the one of all executors, within seconds."""
    with pytest.raises(ClusterUnreachableError, match="no Ray cluster at"):
        nowhere.submit([actions.echo], {})
    with pytest.raises(StoreUnavailableError, match="no Ray cluster at"):
        nowhere.get_progress("any")


def test_a_service_that_was_named_must_be_there():
    """It is not silently done without; nor is a store taken that a cluster cannot reach."""
    url = f"http://127.0.0.1:{free_port()}"
    executor = RayPipelineExecutor(pipeline_service_url=url)
    with pytest.raises(StoreUnavailableError, match=rf"no pipeline service answers at {url}.*refused"):
        executor.submit([actions.echo], {})
    executor.close()
    other = RayPipelineExecutor(pipeline_service_url="sqlite:///runs.db")
    with pytest.raises(StoreError, match="cannot be kept by"):
        other.submit([actions.echo], {})
    other.close()


@pytest.mark.slow
def test_a_service_that_the_cluster_does_not_reach(make_executor: MakeExecutor, nodes: TestCluster, tmp_path):
    """It answers here, and not there: what to give is said, and no engine stays."""
    with service_in(tmp_path) as (service, _):
        executor = make_executor(
            nodes,
            pipeline_service_url=service.url,
            actor_pipeline_service_url=f"http://127.0.0.1:{free_port()}",
        )
        with pytest.raises(StoreUnavailableError, match=r"cannot be reached from the cluster[\s\S]*actor_pipeline"):
            executor.submit([actions.echo], {}, run_id="unreached")
        assert not has_engine("unreached")


@pytest.mark.slow
def test_what_no_node_has(executor: RayPipelineExecutor):
    """Resources of a node in the pipeline are looked at before anything is started."""
    with pytest.raises(ResourcesError, match="unobtainium"):
        executor.submit([Node(actions.echo, resources=Resources(custom={"unobtainium": 1}))], {}, run_id="greedy")
    assert not has_engine("greedy")


@pytest.mark.slow
def test_an_engine_that_finds_no_place(make_executor: MakeExecutor, nodes: TestCluster, tmp_path):
    """It is not waited for without end, and it does not stay in the queue."""
    with service_in(tmp_path) as (service, _):
        executor = make_executor(
            nodes, pipeline_service_url=service.url, engine_resources={"nowhere": 1}, start_timeout=2.0
        )
        with pytest.raises(SynapseError, match="nowhere"):
            executor.submit([actions.echo], {}, run_id="homeless")
        assert not has_engine("homeless")


@pytest.mark.slow
def test_a_pipeline_that_only_this_process_can_load(make_executor: MakeExecutor, nodes: TestCluster, tmp_path):
    """An action that cannot be imported on the cluster: named, with the cause, and no engine stays."""
    folder = tmp_path / "half"
    folder.mkdir()
    (folder / "half.py").write_text(
        "import os\n"
        "from synapse_core import action\n"
        "if 'PYTEST_CURRENT_TEST' not in os.environ:\n"
        "    import module_that_is_not_there\n"
        "@action('half')\n"
        "def half(params: dict) -> dict:\n"
        "    return params\n"
    )
    executor = make_executor(nodes, working_dir=folder)
    with pytest.raises(SynapseError, match="module_that_is_not_there"):
        executor.submit([f"{folder}/half.py:half"], {}, run_id="halved")
    assert not has_engine("halved")
