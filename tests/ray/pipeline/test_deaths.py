"""What dies while a run of several actions goes on, one at a time: the run ends right all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from synapse_core import Node, Resources, Retry
from synapse_core.events import Kind
from synapse_core.models import RunStatus
from synapse_core.testing import wait_until
from synapse_ray import RayPipelineExecutor
from tests.ray.clusters import TestCluster, cluster_of
from tests.ray.pipeline.conftest import MakeExecutor
from tests.ray.pipeline.helpers import PLUGIN, Gate, attempts, engine_of, kill, service_in, told

pytestmark = pytest.mark.slow

ACTIONS = ("first", "second", "third")


def steps(**second):
    """Three actions in sequence; ``second`` is said of the second."""
    import gated

    return [
        Node(gated.gated, name="first"),
        Node(gated.gated, name="second", **second),
        Node(gated.gated, name="third"),
    ]


def check(executor: RayPipelineExecutor, gate: Gate, run_id: str, second: int) -> None:
    """The run completes; the second action was attempted so often, the others once; each has completed once."""
    progress = executor.wait(run_id, 100)
    assert progress.status is RunStatus.COMPLETED
    assert attempts(progress) == {"first": 1, "second": second, "third": 1}
    assert gate.ran(*ACTIONS) == {"first": 1, "second": 1, "third": 1}
    completed = [each[1:] for each in told(executor, run_id, Kind.ACTION_COMPLETED)]
    assert completed == [("first", 1), ("second", second), ("third", 1)]


DRIVER = """\
import sys
sys.path[:0] = [{plugin!r}]
import gated
from synapse_core import Node
from synapse_ray import RayPipelineExecutor
executor = RayPipelineExecutor(ray_address={address!r}, working_dir={plugin!r}, pipeline_service_url=None)
names = ("first", "second", "third")
run_id = executor.submit([Node(gated.gated, name=name) for name in names], {params!r})
print(run_id, flush=True)
executor.wait(run_id)
"""


def test_the_driver_is_killed(make_executor: MakeExecutor, nodes: TestCluster, gate: Gate):
    """The run goes on without it; another driver sees it to its end."""
    source = DRIVER.format(plugin=str(PLUGIN), address=nodes.address, params=gate.params("second"))
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        run_id = driver.stdout.readline().strip()
        gate.begun("second")
        driver.kill()
    gate.open()
    check(make_executor(nodes), gate, run_id, second=1)


def test_the_worker_of_an_action_is_killed(executor: RayPipelineExecutor, gate: Gate):
    """It is retried as the node says, and that can be read."""
    run_id = executor.submit(steps(retry=Retry(2)), gate.params("second"))
    kill(gate.begun("second"))
    gate.begun("second", times=2)
    gate.open()
    check(executor, gate, run_id, second=2)
    assert told(executor, run_id, Kind.ACTION_RETRYING) == [(Kind.ACTION_RETRYING, "second", 1)]


def test_a_worker_freezes(make_executor: MakeExecutor, nodes: TestCluster, gate: Gate):
    """One that is not heard of for the heartbeat timeout is given up and ended, and the action retried."""
    executor = make_executor(nodes, heartbeat_timeout=5.0)
    run_id = executor.submit(steps(retry=Retry(2)), gate.params("second"))
    os.kill(gate.begun("second"), signal.SIGSTOP)
    gate.begun("second", times=2)
    gate.open()
    check(executor, gate, run_id, second=2)


def test_the_engine_is_killed(executor: RayPipelineExecutor, gate: Gate):
    """Ray starts it anew; it goes on with the run, and attempts again what was running."""
    run_id = executor.submit(steps(), gate.params("second"))
    gate.begun("second")
    kill(engine_of(run_id)["pid"])
    gate.begun("second", times=2)
    gate.open()
    check(executor, gate, run_id, second=2)
    assert told(executor, run_id, Kind.RUN_RESUMED) == [(Kind.RUN_RESUMED, None, 0)]


def test_the_engine_freezes(make_executor: MakeExecutor, nodes: TestCluster, gate: Gate):
    """One that has not moved for as long as its lease lives is replaced."""
    executor = make_executor(nodes, lease=4.0)
    run_id = executor.submit(steps(), gate.params("second"))
    gate.begun("second")
    os.kill(engine_of(run_id)["pid"], signal.SIGSTOP)
    gate.begun("second", times=2)
    gate.open()
    check(executor, gate, run_id, second=2)
    assert told(executor, run_id, Kind.RUN_RESUMED) == [(Kind.RUN_RESUMED, None, 0)]


def test_the_service_is_killed(make_executor: MakeExecutor, nodes: TestCluster, gate: Gate):
    """The run goes on meanwhile; when the service is back it is told all, and the waiting driver sees the end."""
    with service_in(gate.folder) as (service, running):
        executor = make_executor(nodes, pipeline_service_url=service.url)
        run_id = executor.submit(steps(), gate.params("second"))
        gate.begun("second")
        running[-1].kill()
        running[-1].wait()
        gate.open()
        wait_until(lambda: gate.notes("second", "done"), "the action to go on")
        running.append(service.start())
        check(executor, gate, run_id, second=1)


@pytest.fixture
def three(home) -> TestCluster:
    """A head, and two nodes that engines and actions are on; one is lost."""
    with cluster_of(num_cpus=2, env={"SYNAPSE_HOME": str(home)}) as cluster:
        for _ in range(2):
            cluster.add_node(num_cpus=2, resources={"work": 1, "stable": 1})
        yield cluster


def test_nodes_die(make_executor: MakeExecutor, three: TestCluster, gate: Gate):
    """That of an action: it is retried on another. That of the engine, where a service keeps the run: it moves."""
    with service_in(gate.folder) as (service, _):
        executor = make_executor(three, pipeline_service_url=service.url, engine_resources={"stable": 0.01}, lease=4.0)
        run_id = executor.submit(steps(retry=Retry(3), resources=Resources(custom={"work": 1})), gate.params("second"))
        worker = gate.begun("second")
        [lost] = [node for node in three.nodes if worker in node.pids()]
        has_both = engine_of(run_id)["node"] in lost.node_ids
        lost.kill()
        gate.begun("second", times=2)
        if not has_both:
            three.add_node(num_cpus=2, resources={"work": 1, "stable": 1})
            [lost] = [node for node in three.nodes if engine_of(run_id)["node"] in node.node_ids]
            lost.kill()
            gate.begun("second", times=3)
        gate.open()
        check(executor, gate, run_id, second=2 if has_both else 3)
        assert told(executor, run_id, Kind.RUN_RESUMED) == [(Kind.RUN_RESUMED, None, 0)]
