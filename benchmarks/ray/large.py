"""Large results, from one action to the next."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

from benchmarks.ray import actions
from benchmarks.ray.cluster import ADDRESS, span, started, task
from benchmarks.suite import Theme, Work
from synapse_core import ActionPipeline
from synapse_ray import RayPipelineExecutor

theme = Theme()

_SIZE = 200_000_000


@theme.measures("200 MB from one action to the next", bare="a bare task's result given to another", most=5, times=1.5)
def passed() -> Iterator[Work]:
    """A run of two actions: one gives 200 MB of text, the other counts it; from the first one's start to the end."""
    ray, fill, count = started(), task(actions.fill), task(actions.count)
    executor = RayPipelineExecutor(ray_address=ADDRESS, pipeline_service_url=None)
    pipeline = ActionPipeline([actions.make, actions.take], name="large")

    def ours() -> float:
        run_id = executor.submit(pipeline, {"size": _SIZE})
        executor.wait(run_id)
        assert executor.get_result(run_id) == {"length": _SIZE}
        return span(list(executor.stream_events(run_id)))

    def theirs() -> float:
        begun = perf_counter()
        assert ray.get(count.remote(fill.remote(_SIZE))) == _SIZE
        return perf_counter() - begun

    yield Work(ours, theirs)
