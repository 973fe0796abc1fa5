"""The actor that looks after jobs, so that they and their results outlive who submitted them: `JobKeeper`."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from time import monotonic
from typing import Any

from attrs import define, field, frozen

from synapse_core.pipeline.node import Resources
from synapse_core.protocols import Call, Outcome
from synapse_core.worker.crossing import call_of, outcome_data
from synapse_ray.attempts.executor import TaskExecutor
from synapse_ray.inbox import NAMESPACE, DeskInbox, ReportsHere
from synapse_ray.worker.order import Head, issues_of

KEEPER = "synapse-jobs"
"""The actor's name, in the namespace `NAMESPACE`."""

KEPT = 1000
"""How many jobs that have ended are kept; the oldest go first."""

LIFETIME = 3600.0
"""Seconds that a job is kept after its end."""

_ROUND = 60.0
_HELD = 5.0
_SMALL = 100_000
"""Bytes of an outcome that is told unasked; a larger one is fetched by who wants it."""

_AT_ONCE = 100_000

News = tuple[int, str, bytes | None]
"""That a job has ended: its number among those of its lane, its id, and its packed `Head` where that is small."""


@frozen
class Lane:
    """What the jobs of one executor have in common.

    Attributes:
        name: of the lane: the executor's own.
        options, runtime_env: for `ray.remote`'s ``options``.
        max_concurrency: how many run at once.
        heartbeat_timeout: see `TaskExecutor`.
    """

    name: str
    options: Mapping[str, Any]
    runtime_env: Mapping[str, Any]
    max_concurrency: int | None
    heartbeat_timeout: float


@define(eq=False)
class _Job:
    lane: str
    ended: asyncio.Event = field(factory=asyncio.Event)
    head: bytes | None = None
    at: float = 0.0
    attempt: Any = None


class _Ready:
    """Stands for the executor that the driver made everything ready with; see `BaseRayExecutor`."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    def connect(self) -> None:
        """The actor is on the cluster."""

    def options(self, _resources: Resources | None = None) -> dict[str, Any]:
        return dict(self._lane.options)

    def check_resources(self, _options: Mapping[str, Any]) -> None:
        """The driver has seen to it."""

    def runtime_env(self, _root: str | None = None) -> dict[str, Any]:
        return dict(self._lane.runtime_env)

    def remote_call(self, call: Call) -> Call:
        return call


class JobKeeper(ReportsHere):
    """Starts jobs, each a Ray task, and keeps how they ended, for an hour, and the last thousand of them.

    It is detached: jobs go on when the driver that submitted them is gone, and any driver of the cluster can ask for
    them by id. When it has kept nothing for a while it ends itself. What it cannot survive is the end of its own
    process or node: jobs that run then are ended with it, and nobody knows those that had ended.
    """

    def __init__(self) -> None:
        self.inbox = DeskInbox(KEEPER)
        self._jobs: dict[str, _Job] = {}
        self._news: dict[str, deque[News]] = {}
        self._came: dict[str, asyncio.Event] = {}
        self._count = 0
        self._executors: dict[str, tuple[TaskExecutor, asyncio.Semaphore | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._upkeep: asyncio.Task[None] | None = None

    async def submit(self, lane: Lane, jobs: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
        """Start jobs, given their ids and `call_data` of their calls; the ids that were taken: no job of theirs is."""
        taken = [job_id for job_id, _ in jobs if job_id in self._jobs]
        executor, room = self._executor(lane)
        for job_id, data in jobs:
            if job_id not in self._jobs:
                job = self._jobs[job_id] = _Job(lane.name)
                self._begin(self._run(job_id, job, call_of(data), executor, room))
        if self._upkeep is None:
            self._upkeep = self._begin(self._keep_house())
        return taken

    def _executor(self, lane: Lane) -> tuple[TaskExecutor, asyncio.Semaphore | None]:
        if lane.name not in self._executors:
            ready: Any = _Ready(lane)
            executor = TaskExecutor(ready, self.inbox, heartbeat_timeout=lane.heartbeat_timeout)
            room = None if lane.max_concurrency is None else asyncio.Semaphore(lane.max_concurrency)
            self._executors[lane.name] = (executor, room)
        return self._executors[lane.name]

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(
        self, job_id: str, job: _Job, call: Call, executor: TaskExecutor, room: asyncio.Semaphore | None
    ) -> None:
        async with room or contextlib.nullcontext():
            attempt = job.attempt = executor.start(call, lambda: _forget_reports(job))
            outcome = await attempt.outcome()
        self._has_ended(job_id, job, outcome)

    def _has_ended(self, job_id: str, job: _Job, outcome: Outcome) -> None:
        job.head = Head(outcome_data(outcome), 0, [], issues_of(outcome.value)).pack()
        job.attempt, job.at = None, monotonic()
        job.ended.set()
        self._count += 1
        head = job.head if len(job.head) <= _SMALL else None
        self._news.setdefault(job.lane, deque()).append((self._count, job_id, head))
        if job.lane in self._came:
            self._came[job.lane].set()

    # -- asking -----------------------------------------------------------------------------------------------

    async def follow(self, lane: str, after: int) -> list[News]:
        """The jobs of a lane that ended after the news of that number; waits a while where there is none."""
        news = self._news.setdefault(lane, deque())
        while news and news[0][0] <= after:
            news.popleft()
        if not news:
            came = self._came[lane] = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(came.wait(), _HELD)
        return list(news)

    async def ask(self, job_id: str, seconds: float) -> tuple[bool, bytes | None]:
        """Whether there is a job of that id, and its packed `Head` once it has ended, for which it waits so long."""
        job = self._jobs.get(job_id)
        if job is None:
            return False, None
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(job.ended.wait(), seconds)
        return True, job.head

    async def stop(self, job_id: str, grace: float) -> bool:
        """Cancel a job; whether there is one that runs."""
        job = self._jobs.get(job_id)
        if job is None or job.attempt is None:
            return False
        await job.attempt.cancel("cancelled", grace)
        return True

    # -- upkeep -----------------------------------------------------------------------------------------------

    async def _keep_house(self) -> None:
        """Forget what is old; leave when nothing is left."""
        while self._jobs:
            await asyncio.sleep(_ROUND)
            self.forget(monotonic() - LIFETIME)
        import ray

        ray.kill(ray.get_runtime_context().current_actor)

    def forget(self, before: float) -> None:
        """Forget jobs that ended before that time on the monotonic clock, and those that are too many."""
        ended = sorted((job.at, job_id) for job_id, job in self._jobs.items() if job.head is not None)
        for place, (at, job_id) in enumerate(reversed(ended)):
            if at < before or place >= KEPT:
                del self._jobs[job_id]
        lanes = {job.lane for job in self._jobs.values()}
        for lane in set(self._executors) - lanes:
            del self._executors[lane]
            self._news.pop(lane, None)
            self._came.pop(lane, None)


def _forget_reports(job: _Job) -> None:
    """Nobody asks for what jobs report, and it must not pile up."""
    if job.attempt is not None:
        job.attempt.drain()


def find_keeper() -> Any:
    """The cluster's keeper; None where there is none."""
    import ray

    try:
        return ray.get_actor(KEEPER, namespace=NAMESPACE)
    except ValueError:
        return None


def make_keeper(runtime_env: Mapping[str, Any]) -> Any:
    """The cluster's keeper; started where there is none.

    Args:
        runtime_env: where Synapse must be brought to the cluster first.
    """
    import ray

    options: dict[str, Any] = {"runtime_env": dict(runtime_env)} if runtime_env else {}
    options.update(name=KEEPER, namespace=NAMESPACE, lifetime="detached", get_if_exists=True, num_cpus=0)
    return ray.remote(JobKeeper).options(**options, max_restarts=0, max_concurrency=_AT_ONCE).remote()
