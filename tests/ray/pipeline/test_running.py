"""Whole pipelines on a cluster: what is run, where, what is told of it, and what is left of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from synapse_core import ActionPipeline, Node, Resources, RunCancelledError, Session
from synapse_core.errors import CheckpointNotFoundError, ExecutionError, RunNotFoundError
from synapse_core.events import Kind
from synapse_core.fold import fold
from synapse_core.models import ActionStatus, RunStatus
from synapse_core.pipelines import PipelineDefinition
from synapse_core.protocols import RunRecord
from synapse_core.testing import actions, wait_until
from synapse_ray import RayPipelineExecutor
from tests.ray.clusters import TestCluster
from tests.ray.niceness import may_go_first, niceness
from tests.ray.pipeline.conftest import MakeExecutor
from tests.ray.pipeline.helpers import Gate, engine_of, has_engine, told

pytestmark = pytest.mark.slow


def test_a_pipeline_runs_and_leaves_nothing_behind(executor: RayPipelineExecutor):
    """A list, named: its id at once, its result in the end, and no actor of it when it has ended."""
    run_id = executor.submit([actions.echo, actions.Add], {"a": 1}, name="small")
    progress = executor.wait(run_id)
    assert (progress.status, progress.name) == (RunStatus.COMPLETED, "small")
    assert executor.get_status(run_id) is RunStatus.COMPLETED
    assert executor.get_result(run_id) == {"total": 2.0}
    wait_until(lambda: not has_engine(run_id), "the engine to leave")


def test_branches_run_at_the_same_time_on_nodes_that_have_what_they_ask_for(
    executor: RayPipelineExecutor, gate: Gate, gated: Any
):
    """Two branches that need all of a node's ``work`` each meet, on two nodes, as nodes of one pipeline."""
    work = Resources(custom={"work": 1}, num_cpus=1)
    branches = [Node(gated.meet, name="left", resources=work), Node(gated.meet, name="right", resources=work)]
    pipeline = ActionPipeline([branches, gated.talk], name="meeting")
    run_id = pipeline.submit(gate.params(), executor)
    executor.wait(run_id)
    results = results_of(executor, run_id)
    assert results["left"]["left"] != results["right"]["right"]


def test_what_happens_is_told_to_all_who_ask(executor: RayPipelineExecutor, home: Path, gated: Any):
    """Prints, logs and progress of an action are events; the stream of states ends with the fold of them."""
    definition = PipelineDefinition("talk", [gated.talk], "says things")
    run_id = executor.submit(definition, {})
    states = list(executor.stream_progress(run_id))
    events = list(executor.stream_events(run_id))
    said = {(event.kind, event.payload["message"]) for event in events if "message" in event.payload}
    assert {(Kind.ACTION_LOG, "said by print"), (Kind.ACTION_MESSAGE, "said by log")} <= said
    assert states[-1] == fold(events) == executor.get_progress(run_id)
    assert [event.seq for event in executor.stream_events(run_id, after=2)] == [event.seq for event in events[2:]]


def test_the_engine_comes_before_its_workers(executor: RayPipelineExecutor, nodes: TestCluster, gate: Gate, gated: Any):
    """All its threads are as Ray's own processes; where the system does not let it, they are as its workers'."""
    run_id = executor.submit([gated.gated], gate.params("gated"))
    worker = niceness(gate.begun("gated"))
    engine = niceness(engine_of(run_id)["pid"])
    gate.open()
    executor.wait(run_id)
    raylet = niceness(nodes.head.pids("raylet/raylet")[0])
    assert worker != raylet
    assert engine == (raylet if may_go_first() else worker)


def test_states_are_streamed_to_a_running_loop(executor: RayPipelineExecutor, gated: Any):
    """The async stream ends with the run's last state; a condition that a function says holds there as it does here."""
    run_id = executor.submit([actions.echo, Node(gated.gated, when=gated.never)], {"a": 1})

    async def last():
        return [state async for state in executor.stream_progress_async(run_id)][-1]

    state = asyncio.run(last())
    assert state.status is RunStatus.COMPLETED
    assert [action.status for action in state.progress] == [ActionStatus.COMPLETED, ActionStatus.SKIPPED]


def test_plugins_that_are_shipped_are_told_of_runs(
    make_executor: MakeExecutor, nodes: TestCluster, home: Path, gated: Any
):
    """A sink of a plugin in the shipped folder hears all of a run, where its engine is; actions see the environment."""
    executor = make_executor(nodes, plugins=["telling"], env={"COLOUR": "red"})
    run_id = executor.submit([gated.talk], {})
    executor.wait(run_id)
    assert executor.get_result(run_id)["colour"] == "red"
    kinds = [str(event.kind) for event in executor.stream_events(run_id)]
    told_of = home / f"told-{run_id}"
    wait_until(lambda: told_of.exists() and told_of.read_text().split() == kinds, "the sink to be told")


def test_the_folder_of_a_plugin_is_shipped(make_executor: MakeExecutor, nodes: TestCluster, tmp_path: Path):
    """A plugin that is run from its folder needs no working_dir; its package is found there, whatever is installed."""
    package = tmp_path / "house" / "rooms"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("colour = 'red'\n")
    (package / "paint.py").write_text(
        "from synapse_core import action\nfrom rooms import colour\n\n@action('paint')\n"
        "def paint(params: dict) -> dict:\n    return {'colour': colour}\n"
    )
    (tmp_path / "house" / "config.yaml").write_text(
        "name: house\ncode: house\nactions:\n  paint:\n    entrypoint: rooms.paint:paint\n"
    )
    with Session() as session:
        spec = session.pm.discover(tmp_path / "house").spec("paint")
    executor = make_executor(nodes, working_dir=None)
    run_id = executor.submit([spec], {})
    executor.wait(run_id)
    assert executor.get_result(run_id) == {"colour": "red"}
    record = record_of(executor, run_id)
    assert record.options["executor"] == "ray-pipeline"
    assert record.options["options"]["working_dir"] == str(tmp_path / "house")


FAR_AWAY = """\
from synapse_core.testing import actions
from synapse_ray import RayPipelineExecutor
with RayPipelineExecutor(ray_address={address!r}, pipeline_service_url=None) as executor:
    run_id = executor.submit([actions.echo], {{"a": 1}})
    print(executor.wait(run_id).status, executor.store_url)
"""


def test_a_driver_far_away_submits_and_waits(nodes: TestCluster):
    """By Ray Client, ``ray://``; in a process of its own, which it does not leave as it found it."""
    source = FAR_AWAY.format(address=nodes.client_address)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert done.stdout == f"completed ray:{nodes.client_address}\n", done.stderr


def test_another_driver_knows_a_run_by_its_id(make_executor: MakeExecutor, nodes: TestCluster):
    """An executor that did not submit it waits for a run and gets its result, long after it has ended too."""
    run_id = make_executor(nodes).submit([actions.echo], {"a": 1})
    other = make_executor(nodes, working_dir=None)
    assert other.wait(run_id).status is RunStatus.COMPLETED
    wait_until(lambda: not has_engine(run_id), "the engine to leave")
    third = make_executor(nodes, working_dir=None)
    assert third.wait(run_id).status is RunStatus.COMPLETED
    assert third.get_result(run_id) == {"a": 1}
    with pytest.raises(RunNotFoundError, match="pipeline_service_url"):
        third.wait("no-such-run")


def test_a_failed_run_is_resumed_where_it_failed(executor: RayPipelineExecutor, gate: Gate, gated: Any):
    """Completed actions are skipped, and their results are there; what failed runs, with the new params."""
    pipeline = [Node(gated.gated, name="first"), Node(actions.fail, name="second")]
    failed = executor.submit(pipeline, {**gate.params(), "message": "no luck"}, name="unlucky")
    with pytest.raises(ExecutionError, match="no luck"):
        executor.wait(failed)
    mended = [Node(gated.gated, name="first"), Node(gated.gated, name="second")]
    resumed = executor.submit(mended, {}, name="lucky", resume_from=failed)
    progress = executor.wait(resumed)
    assert [action.status for action in progress.progress] == [ActionStatus.SKIPPED, ActionStatus.COMPLETED]
    assert gate.ran("first", "second") == {"first": 1, "second": 1}


def test_what_cannot_be_resumed_is_said_at_once(executor: RayPipelineExecutor):
    """No such run, and one that has completed nothing: the errors of the core, and no engine left behind."""
    with pytest.raises(RunNotFoundError, match="nowhere"):
        executor.submit([actions.echo], {}, resume_from="nowhere")
    failed = executor.submit([actions.fail], {})
    with pytest.raises(ExecutionError):
        executor.wait(failed)
    with pytest.raises(CheckpointNotFoundError, match="nothing to resume"):
        executor.submit([actions.echo], {}, resume_from=failed, run_id="resumed-in-vain")
    wait_until(lambda: not has_engine("resumed-in-vain"), "the engine to leave")


def test_a_cancelled_run_ends_in_its_grace_period(executor: RayPipelineExecutor, gate: Gate, gated: Any):
    """An action that listens to nobody is interrupted; what follows is skipped."""
    run_id = executor.submit([gated.busy, gated.gated], gate.params(), grace=12.0)
    gate.begun("busy")
    executor.cancel(run_id, reason="enough")
    with pytest.raises(RunCancelledError, match="enough"):
        executor.wait(run_id)
    assert told(executor, run_id, Kind.ACTION_FAILED, Kind.ACTION_SKIPPED, Kind.RUN_CANCELLED) == [
        ("action.failed", "busy", 1),
        ("action.skipped", "gated", 0),
        ("run.cancelled", None, 0),
    ]
    assert gate.ran("busy", "gated") == {"busy": 1, "gated": 0}


def results_of(executor: RayPipelineExecutor, run_id: str) -> dict[str, Any]:
    """The result of each action, read from the store that the executor names."""
    with Session(store=executor.store_url) as session:
        return {point.action_name: point.result for point in session.call(session.store.checkpoints(run_id))}


def record_of(executor: RayPipelineExecutor, run_id: str) -> RunRecord:
    """The run as it was asked for, read from the store that the executor names."""
    with Session(store=executor.store_url) as session:
        return session.call(session.store.record(run_id))
