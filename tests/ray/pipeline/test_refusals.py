"""What cannot be run on a cluster is refused within seconds, with what to do, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray

from synapse_core import Node, Resources, action
from synapse_core.errors import PipelineError, StoreError, StoreUnavailableError, SynapseError
from synapse_core.testing import actions, wait_until
from synapse_ray.errors import (
    ClusterUnreachableError,
    EnvironmentSetupError,
    RayClusterError,
    RayConfigError,
    ResourcesError,
)
from synapse_ray.pipeline.executor import RayPipelineExecutor
from tests.ports import free_port
from tests.ray.clusters import TestCluster
from tests.ray.pipeline.conftest import MakeExecutor
from tests.ray.pipeline.helpers import has_engine, service_in


@pytest.fixture
def nowhere() -> Iterator[RayPipelineExecutor]:
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


def test_actions_of_several_folders_cannot_travel_together(nowhere: RayPipelineExecutor, tmp_path: Path):
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
def test_a_service_that_the_cluster_does_not_reach(make_executor: MakeExecutor, nodes: TestCluster, tmp_path: Path):
    """It answers here, and not there: what to give is said, and no engine stays."""
    with service_in(tmp_path) as (service, _):
        executor = make_executor(
            nodes,
            pipeline_service_url=service.url,
            actor_pipeline_service_url=f"http://127.0.0.1:{free_port()}",
        )
        with pytest.raises(StoreUnavailableError, match=r"cannot be reached from the cluster[\s\S]*actor_pipeline"):
            executor.submit([actions.echo], {}, run_id="unreached")
        wait_until(lambda: not has_engine("unreached"), "the engine to be gone")


_HIDING = """\
import sys

class Hiding:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("synapse_"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hiding())
"""


@pytest.mark.slow
def test_a_cluster_without_synapse(make_executor: MakeExecutor, nodes: TestCluster, tmp_path: Path):
    """Its Python has Ray and not these packages: what to install, or to ship, is said."""
    venv.create(tmp_path / "bare")
    packages = next((tmp_path / "bare").glob("lib/*/site-packages"))
    (packages / "hiding.py").write_text(_HIDING)
    (packages / "bare.pth").write_text(f"{Path(ray.__file__).parents[1]}\nimport hiding\n")
    bare = {"py_executable": str(tmp_path / "bare" / "bin" / "python")}
    executor = make_executor(nodes, runtime_env=bare, working_dir=None)
    with pytest.raises(EnvironmentSetupError, match=r"no module 'synapse_\w+'[\s\S]*include_sdk=True"):
        executor.submit([actions.echo], {}, run_id="bare")
    wait_until(lambda: not has_engine("bare"), "the engine to be gone")


@pytest.mark.slow
def test_an_environment_that_is_too_large(nodes: TestCluster, make_executor: MakeExecutor):
    """An engine that is restarted needs it again, when the driver may be gone: it is refused."""
    executor = make_executor(nodes, env={"HUGE": "x" * 100_000})
    with pytest.raises(RayConfigError, match="too large"):
        executor.submit([actions.echo], {})


@pytest.mark.slow
def test_what_no_node_has(executor: RayPipelineExecutor):
    """Resources of a node in the pipeline are looked at before anything is started."""
    with pytest.raises(ResourcesError, match="unobtainium"):
        executor.submit([Node(actions.echo, resources=Resources(custom={"unobtainium": 1}))], {}, run_id="greedy")
    wait_until(lambda: not has_engine("greedy"), "the engine to be gone")


@pytest.mark.slow
def test_an_engine_that_finds_no_place(make_executor: MakeExecutor, nodes: TestCluster):
    """It is not waited for without end, and it does not stay in the queue."""
    executor = make_executor(nodes, engine_resources={"nowhere": 1})
    with pytest.raises(ResourcesError, match="nowhere"):
        executor.submit([actions.echo], {}, run_id="homeless")
    assert not has_engine("homeless")
    hurried = make_executor(nodes, start_timeout=0.001)
    with pytest.raises(RayClusterError, match=r"has not started within 0.001 s[\s\S]*start_timeout="):
        hurried.submit([actions.echo], {}, run_id="hurried")
    wait_until(lambda: not has_engine("hurried"), "the engine to be gone")


@pytest.mark.slow
def test_a_pipeline_that_only_this_process_can_load(make_executor: MakeExecutor, nodes: TestCluster, tmp_path: Path):
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
    wait_until(lambda: not has_engine("halved"), "the engine to be gone")
