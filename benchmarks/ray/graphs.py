"""Pipelines whose engine is on the cluster, with durable checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from time import perf_counter
from typing import Any

from benchmarks.ray import actions
from benchmarks.ray.cluster import ADDRESS, span, started, task
from benchmarks.suite import Theme, Work
from synapse_core import ActionPipeline, Node
from synapse_core.events import Event, Kind
from synapse_ray import RayPipelineExecutor

theme = Theme()

_WIDE, _LONG = 1_000, 50


def _on_the_cluster(pipeline: ActionPipeline, params: Mapping[str, Any]) -> Callable[[], Sequence[Event]]:
    """What happened in a run."""
    executor = RayPipelineExecutor(ray_address=ADDRESS, pipeline_service_url=None)

    def sample() -> Sequence[Event]:
        run_id = executor.submit(pipeline, params)
        executor.wait(run_id)
        return list(executor.stream_events(run_id))

    return sample


@theme.measures("an action of 1,000 side by side", bare="a bare task of 1,000, all at once", most=9, times=1 / 0.7)
def wide() -> Iterator[Work]:
    """A run of 1,000 no-ops that need nobody, each a task, its checkpoint on disk. Asked for: 0.7 × bare throughput."""
    ray, bare = started(), task(actions.nothing)
    nodes = [Node(actions.noop, name=f"noop-{number}") for number in range(_WIDE)]
    sample = _on_the_cluster(ActionPipeline([nodes], name="wide"), {"x": 1})

    def theirs() -> float:
        begun = perf_counter()
        ray.get([bare.remote(number) for number in range(_WIDE)])
        return (perf_counter() - begun) / _WIDE

    yield Work(lambda: span(sample()) / _WIDE, theirs)


@theme.measures(
    "what an action of a sequence costs over a bare task",
    bare="a bare task, one after the other",
    most=9,
    target=1.5e-3,
)
def long() -> Iterator[Work]:
    """A run of 50 no-ops one after the other, each one's checkpoint on disk before the next; less as many bare tasks.

    From the first one's end to the last one's: the first, which has to do what an engine does but once, is below.
    """
    sample = _on_the_cluster(ActionPipeline([actions.noop] * _LONG, name="long"), {"x": 1})
    theirs = _one_by_one()

    def ours() -> float:
        ends = _times(sample(), Kind.ACTION_COMPLETED)
        return (ends[-1] - ends[0]).total_seconds() / (len(ends) - 1)

    yield Work(lambda: ours() - theirs(), theirs)


@theme.measures("the first action of a run", bare="a bare task of a driver that has submitted others", most=5)
def first() -> Iterator[Work]:
    """From its start to its end, where workers wait: its engine's process is new, its task yet to be told to Ray."""
    sample = _on_the_cluster(ActionPipeline([actions.noop], name="short"), {"x": 1})
    yield Work(lambda: span(sample()), _one_by_one())


def _one_by_one() -> Callable[[], float]:
    """Seconds that a bare task takes, where each is waited for."""
    ray, bare = started(), task(actions.nothing)

    def sample() -> float:
        begun = perf_counter()
        for number in range(_LONG):
            ray.get(bare.remote(number))
        return (perf_counter() - begun) / _LONG

    return sample


def _times(events: Sequence[Event], kind: Kind) -> list[datetime]:
    return [event.time for event in events if event.kind == kind]
