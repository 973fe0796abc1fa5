"""Single actions: in an actor that is kept, and as jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.ray import actions
from benchmarks.ray.cluster import ADDRESS, started, task
from benchmarks.suite import Theme, Work
from benchmarks.timing import once, per_call
from synapse_ray import RayActorExecutor, RayJobExecutor

theme = Theme()

_CALLS, _JOBS = 200, 200


class _Bare:
    def run(self, x: int) -> dict[str, Any]:
        return actions.nothing(x)


@theme.measures("a no-op through RayActorExecutor", bare="a method of a bare actor, called and waited for", times=1.1)
def in_an_actor() -> Iterator[Work]:
    """`execute` of a no-op in an actor that is warm: params checked, context made, result back."""
    ray = started()
    bare = ray.remote(_Bare).remote()
    with RayActorExecutor(ray_address=ADDRESS) as executor:
        yield Work(
            per_call(lambda: executor.execute(actions.noop, {"x": 1}), _CALLS),
            per_call(lambda: ray.get(bare.run.remote(1)), _CALLS),
        )
    ray.kill(bare)


@theme.measures("a job of 200 no-ops", bare="a bare task of 200, all submitted and then waited for", times=1.3)
def as_jobs() -> Iterator[Work]:
    """200 no-ops submitted by `RayJobExecutor`, then the result of each asked for."""
    ray, bare = started(), task(actions.nothing)
    executor = RayJobExecutor(ray_address=ADDRESS)

    def ours() -> None:
        jobs = [executor.submit(actions.noop, {"x": number}) for number in range(_JOBS)]
        assert [executor.get_result(job)["x"] for job in jobs] == list(range(_JOBS))

    def theirs() -> None:
        refs = [bare.remote(number) for number in range(_JOBS)]
        assert [found["x"] for found in ray.get(refs)] == list(range(_JOBS))

    yield Work(once(ours, _JOBS), once(theirs, _JOBS))
