"""What dies while a run of several actions goes on, one at a time: the run ends right all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synapse_core import ExecutionError, Node, Resources, Retry, Session
from synapse_core.errors import StoreError
from synapse_core.events import Kind, now
from synapse_core.models import RunStatus
from synapse_core.testing import wait_until
from synapse_ray import RayPipelineExecutor
from synapse_ray.inbox import NAMESPACE
from synapse_ray.pipeline.orders import engine_name
from tests.ray.clusters import TestCluster, cluster_of
from tests.ray.pipeline.conftest import MakeExecutor
from tests.ray.pipeline.helpers import PLUGIN, Gate, attempts, engine_of, kill, service_in, told

pytestmark = pytest.mark.slow

ACTIONS = ("first", "second", "third")


def steps(gated: Any, **second: Any) -> list[Node]:
    """Three actions in sequence; ``second`` is said of the second."""
    first, third = Node(gated.gated, name="first"), Node(gated.gated, name="third")
    return [first, Node(gated.gated, name="second", **second), third]


def check(executor: RayPipelineExecutor, gate: Gate, run_id: str, second: int) -> None:
    """The run completes; the second action was attempted so often, the others once; each has completed once."""
    progress = executor.wait(run_id, 100)
    assert progress.status is RunStatus.COMPLETED
    assert attempts(progress) == {"first": 1, "second": second, "third": 1}
    assert gate.ran(*ACTIONS) == {"first": 1, "second": 1, "third": 1}
    completed = [each[1:] for each in told(executor, run_id, Kind.ACTION_COMPLETED)]
    assert completed == [("first", 1), ("second", second), ("third", 1)]


def held(executor: RayPipelineExecutor, run_id: str, gate: Gate) -> int:
    """Wait until the second action is at the gate and the run's log says so; the action's process."""
    next(event for event in executor.stream_events(run_id) if event.payload.get("message") == "second has begun")
    return gate.begun("second")


DRIVER = """\
import sys
sys.path[:0] = [{plugin!r}]
import gated
from synapse_core import Node
from synapse_ray import RayPipelineExecutor
from synapse_ray.inbox import NAMESPACE
from synapse_ray.pipeline.orders import engine_name
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


def test_the_worker_of_an_action_is_killed(executor: RayPipelineExecutor, gate: Gate, gated: Any):
    """It is retried as the node says, and that can be read."""
    run_id = executor.submit(steps(gated, retry=Retry(2)), gate.params("second"))
    kill(held(executor, run_id, gate))
    gate.begun("second", times=2)
    gate.open()
    check(executor, gate, run_id, second=2)
    assert told(executor, run_id, Kind.ACTION_RETRYING) == [(Kind.ACTION_RETRYING, "second", 1)]


def test_a_worker_freezes(make_executor: MakeExecutor, nodes: TestCluster, gate: Gate, gated: Any):
    """One that is not heard of for the heartbeat timeout is given up and ended, and the action retried."""
    executor = make_executor(nodes, heartbeat_timeout=5.0)
    run_id = executor.submit(steps(gated, retry=Retry(2)), gate.params("second"))
    os.kill(held(executor, run_id, gate), signal.SIGSTOP)
    gate.begun("second", times=2)
    gate.open()
    check(executor, gate, run_id, second=2)


def test_the_engine_is_killed(executor: RayPipelineExecutor, gate: Gate, gated: Any):
    """Ray starts it anew; it goes on with the run, and attempts again what was running."""
    run_id = executor.submit(steps(gated), gate.params("second"))
    held(executor, run_id, gate)
    kill(engine_of(run_id)["pid"])
    gate.begun("second", times=2)
    gate.open()
    check(executor, gate, run_id, second=2)
    assert told(executor, run_id, Kind.RUN_RESUMED) == [(Kind.RUN_RESUMED, None, 0)]


def test_the_engine_freezes(make_executor: MakeExecutor, nodes: TestCluster, gate: Gate, gated: Any):
    """One that has not moved for as long as its lease lives is replaced."""
    executor = make_executor(nodes, lease=4.0)
    run_id = executor.submit(steps(gated), gate.params("second"))
    held(executor, run_id, gate)
    os.kill(engine_of(run_id)["pid"], signal.SIGSTOP)
    gate.begun("second", times=2)
    gate.open()
    check(executor, gate, run_id, second=2)
    assert told(executor, run_id, Kind.RUN_RESUMED) == [(Kind.RUN_RESUMED, None, 0)]


def test_the_keeper_is_killed(executor: RayPipelineExecutor, nodes: TestCluster, gate: Gate, gated: Any):
    """What a driver reads the cluster's file by is replaced; whoever follows the run misses nothing."""
    run_id = executor.submit(steps(gated), gate.params("second"))
    events = executor.stream_events(run_id)
    seen = [next(event for event in events if event.payload.get("message") == "second has begun")]
    for pid in nodes.head.pids("ray::Keeper"):
        kill(pid)
    gate.open()
    seen += events
    assert [event.seq for event in seen] == list(range(seen[0].seq, seen[-1].seq + 1))
    check(executor, gate, run_id, second=1)


def test_the_service_is_killed(make_executor: MakeExecutor, nodes: TestCluster, gate: Gate, gated: Any):
    """The run goes on meanwhile; when the service is back it is told all, and the waiting driver sees the end."""
    with service_in(gate.folder) as (service, running):
        executor = make_executor(nodes, pipeline_service_url=service.url)
        run_id = executor.submit(steps(gated), gate.params("second"))
        held(executor, run_id, gate)
        running[-1].kill()
        running[-1].wait()
        gate.open()
        wait_until(lambda: gate.notes("second", "done"), "the action to go on")
        running.append(service.start())
        check(executor, gate, run_id, second=1)


def test_an_engine_that_nobody_restarts(executor: RayPipelineExecutor, gate: Gate, gated: Any):
    """Who waits is told that nobody runs the run any more, and how far it is; it can be recovered, and only then."""
    import ray

    run_id = executor.submit(steps(gated), gate.params("second"), grace=2.0)
    held(executor, run_id, gate)
    with pytest.raises(StoreError, match="has an engine already"):
        executor.recover(run_id)
    ray.kill(ray.get_actor(engine_name(run_id), namespace=NAMESPACE))
    with pytest.raises(
        ExecutionError, match=r"nobody runs run[\s\S]*1 of 3 actions have ended \(first\)[\s\S]*recover"
    ):
        executor.wait(run_id, poll_interval=0.5)
    executor.recover(run_id)
    gate.begun("second", times=2)
    gate.open()
    check(executor, gate, run_id, second=2)
    with pytest.raises(StoreError, match="has completed"):
        executor.recover(run_id)


WAITER = """\
import sys
from synapse_ray import RayPipelineExecutor
from synapse_ray.inbox import NAMESPACE
from synapse_ray.pipeline.orders import engine_name
executor = RayPipelineExecutor(ray_address={address!r}, pipeline_service_url={service!r})
with executor:
    executor.get_progress({run_id!r}), executor.connect()
    print("waiting", flush=True)
    try:
        executor.wait({run_id!r}, poll_interval=1)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
"""


def test_the_heads_gcs_is_gone(make_executor: MakeExecutor, gate: Gate, gated: Any, home: Path):
    """Who waits is told within seconds, before Ray ends all; the run is resumed without a cluster."""
    import ray

    env = {"SYNAPSE_HOME": str(home)}
    with service_in(gate.folder) as (service, _), cluster_of(num_cpus=2, env=env) as cluster:
        executor = make_executor(cluster, pipeline_service_url=service.url, lease=3.0)
        run_id = executor.submit(steps(gated), gate.params("second"))
        held(executor, run_id, gate)
        executor.close()
        ray.shutdown()
        source = WAITER.format(address=cluster.address, service=service.url, run_id=run_id)
        with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) as waiter:
            assert waiter.stdout is not None
            assert waiter.stdout.readline() == "waiting\n"
            cluster.head.kill_part("gcs_server")
            said = waiter.stdout.read()
        assert "ClusterUnreachableError" in said
        assert "1 of 3 actions have ended (first)" in said
        assert f"resume_from={run_id!r}" in said
        cluster.stop()
        gate.open()
        with Session(store=service.url) as session:
            wait_until(lambda: _is_free(session, run_id), "the lease to end")
            again = session.submit(steps(gated), {}, resume_from=run_id)
            assert session.wait(again).status is RunStatus.COMPLETED
    assert gate.ran(*ACTIONS) == {"first": 1, "second": 1, "third": 1}


def _is_free(session: Session, run_id: str) -> bool:
    lease = session.call(session.store.lease(run_id))
    return lease is None or lease.expires_at <= now()


@pytest.fixture
def three(home: Path) -> Iterator[TestCluster]:
    """A head, and two nodes that engines and actions are on; one is lost."""
    with cluster_of(num_cpus=2, env={"SYNAPSE_HOME": str(home)}) as cluster:
        for _ in range(2):
            cluster.add_node(num_cpus=2, resources={"work": 1, "stable": 1})
        yield cluster


def test_nodes_die(make_executor: MakeExecutor, three: TestCluster, gate: Gate, gated: Any):
    """That of an action: it is retried on another. That of the engine, where a service keeps the run: it moves."""
    with service_in(gate.folder) as (service, _):
        executor = make_executor(three, pipeline_service_url=service.url, engine_resources={"stable": 0.01}, lease=4.0)
        run_id = executor.submit(
            steps(gated, retry=Retry(3), resources=Resources(custom={"work": 1})), gate.params("second")
        )
        worker = held(executor, run_id, gate)
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


def test_a_shipped_folder_that_is_unpacked_again(make_executor: MakeExecutor, gated: Any):
    """Where nodes share a machine Ray unpacks it for each, and removes what the workers of others stand in."""
    with cluster_of(num_cpus=1, resources={"here": 1}) as cluster:
        cluster.add_node(num_cpus=1, resources={"there": 1})
        places = [Resources(custom={place: 1}) for place in ("here", "there", "here")]
        executor = make_executor(cluster)
        run_id = executor.submit([Node(gated.stand, resources=each) for each in places])
        told = executor.wait(run_id, 100).result["told"]
    assert told[0][0] == told[2][0], "the worker was a new one, which proves nothing"
    assert [found for _, found in told] == [["gated.py", "telling.py"]] * 3


def test_a_worker_that_begins_in_a_folder_that_is_gone(tmp_path: Path):
    """It goes to the one that is there in its place."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    source = (
        "import os; from synapse_ray.packaging import calls; calls.stand_somewhere(); print(calls.HOME, os.getcwd())"
    )
    again = 'cd "$1" && rmdir "$1" && mkdir "$1" && exec "$2" -c "$3"'
    done = subprocess.run(
        ["sh", "-c", again, "sh", folder, sys.executable, source], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(folder), str(folder)]
