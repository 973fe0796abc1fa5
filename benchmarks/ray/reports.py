"""What reporting costs the actions that report."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchmarks.ray import actions
from benchmarks.ray.cluster import ADDRESS, started
from benchmarks.suite import Theme, Work
from synapse_core import ActionPipeline, Node, Session
from synapse_ray import RayJobExecutor

theme = Theme()

_WORKERS, _STEPS = 8, 2_000


@theme.measures("a step of work with a report, in 8 workers", bare="the same steps without", most=5, times=1.02)
def progress() -> Iterator[Work]:
    """The CPU of about a millisecond's work and one `set_progress`, 1,000 a second of CPU, in each of 8 at once."""
    started()
    turns = actions.turns()
    nodes = [Node(actions.work, name=f"work-{number}") for number in range(_WORKERS)]
    pipeline = ActionPipeline([nodes], name="reporting")
    with Session(entry_points=False) as session:
        executor = RayJobExecutor(ray_address=ADDRESS)

        def sample(says: bool) -> float:
            params = {"steps": _STEPS, "turns": turns, "says": says}
            found = session.execute(pipeline, params, executor=executor)
            step: float = median(each["step"] for each in found.values())
            return step

        yield Work(lambda: sample(True), lambda: sample(False))
