"""The actor that looks after jobs, so that they and their results outlive who submitted them: `JobKeeper`."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic
from typing import Any

from attrs import define, frozen

from synapse_core.garbage import tune
from synapse_core.protocols import Outcome
from synapse_ray.attempts.attempt import FarAttempt
from synapse_ray.attempts.pace import Pace
from synapse_ray.attempts.tasks import OrderTasks
from synapse_ray.attempts.watch import Watch
from synapse_ray.inbox import NAMESPACE, DeskInbox, ReportsHere
from synapse_ray.priority import go_first
from synapse_ray.worker.order import Head, issues_of

KEEPER = "synapse-jobs"
"""The actor's name, in the namespace `NAMESPACE`."""

KEPT = 1000
"""How many jobs that have ended are kept; the oldest go first."""

LIFETIME = 3600.0
"""Seconds that a job is kept after its end."""

_ROUND = 60.0
_HELD = 5.0
_GATHERED = 0.01
_EACH = 0.001
_LONGEST = 0.05
"""Seconds that news of a lane are gathered in while it has jobs that run, how many more for each that the last message
told of, and how many at most: a message costs as much as a job."""

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


@frozen
class Batch:
    """Jobs of a lane that are submitted together: of each its id, its action's name, and its packed order."""

    lane: Lane
    jobs: list[tuple[str, str, bytes]]

    def pack(self) -> bytes:
        """As bytes, for `unpack`."""
        return pickle.dumps((self.lane, self.jobs), 5)

    @classmethod
    def unpack(cls, packed: bytes) -> Batch:
        """The batch that `pack` gave ``packed`` for; only what this project's own processes sent."""
        return cls(*pickle.loads(packed))  # noqa: S301  as said


@define(eq=False)
class _Job:
    """A job; also what names its attempt, which is the only one."""

    run_id: str
    action: str
    lane: _Running
    head: bytes | None = None
    at: float = 0.0
    far: FarAttempt | None = None
    ended: asyncio.Event | None = None  # made for who asks
    attempt: int = 1


class _Running:
    """The jobs of a lane that have not ended, and the news of those that have.

    Args:
        lane: what they have in common.
        inbox: where their workers report to.
        ended: called with the attempt of each that has ended.

    Attributes:
        news: what the driver has not said that it knows.
        came: set when there is any.
        idle: set when no job runs.
        told: of how many the last message told.
    """

    def __init__(self, lane: Lane, inbox: DeskInbox, ended: Callable[[FarAttempt, Outcome], None]) -> None:
        self.news: deque[News] = deque()
        self.came = asyncio.Event()
        self.idle = asyncio.Event()
        self.told = 0
        self._tasks = OrderTasks(lane.options, lane.runtime_env)
        self._watch = Watch(inbox, lane.heartbeat_timeout, ended)
        self._pace = Pace()
        self._room = lane.max_concurrency
        self._started: set[FarAttempt] = set()
        self._waiting: deque[tuple[FarAttempt, bytes]] = deque()

    def start(self, job: _Job, order: bytes) -> None:
        """Start a job, as soon as there is room for it."""
        attempt = job.far = self._watch.attempt(job, partial(_forget_reports, job))
        self._waiting.append((attempt, order))
        self._fill()

    def _fill(self) -> None:
        while self._waiting and (self._room is None or len(self._started) < self._room):
            attempt, order = self._waiting.popleft()
            if not attempt.over:  # it was told to stop before it could be started
                self._started.add(attempt)
                self._pace.add(partial(self._submit, attempt, order))
        if self._started:
            self.idle.clear()

    def _submit(self, attempt: FarAttempt, order: bytes) -> None:
        if attempt.over:
            return
        try:
            handle = self._tasks.submit(order)
        except Exception as error:  # noqa: BLE001  whatever Ray says: the job's outcome
            attempt.not_started(error)
        else:
            attempt.submitted(handle)

    def tell(self, attempt: FarAttempt, news: News) -> None:
        """A job has ended: say so, and start the next that waits."""
        self.news.append(news)
        self.came.set()
        self._started.discard(attempt)
        self._fill()
        if not self._started:
            self.idle.set()


class JobKeeper(ReportsHere):
    """Starts jobs, each a Ray task, and keeps how they ended, for an hour, and the last thousand of them.

    It is detached: jobs go on when the driver that submitted them is gone, and any driver of the cluster can ask for
    them by id. When it has kept nothing for a while it ends itself. What it cannot survive is the end of its own
    process or node: jobs that run then are ended with it, and nobody knows those that had ended.
    """

    def __init__(self) -> None:
        tune()
        go_first()
        self.inbox = DeskInbox(KEEPER)
        self._jobs: dict[str, _Job] = {}
        self._lanes: dict[str, _Running] = {}
        self._count = 0
        self._upkeep: asyncio.Task[None] | None = None

    async def submit(self, packed: bytes) -> list[str]:
        """Start the jobs of a `Batch`, packed; the ids that were taken: no job of theirs is."""
        batch = Batch.unpack(packed)
        taken = [job_id for job_id, _, _ in batch.jobs if job_id in self._jobs]
        lane = self._lane(batch.lane)
        for job_id, action, order in batch.jobs:
            if job_id not in self._jobs:
                job = self._jobs[job_id] = _Job(job_id, action, lane)
                lane.start(job, order)
        if self._upkeep is None:
            self._upkeep = asyncio.ensure_future(self._keep_house())
        return taken

    def _lane(self, lane: Lane) -> _Running:
        if lane.name not in self._lanes:
            self._lanes[lane.name] = _Running(lane, self.inbox, self._has_ended)
        return self._lanes[lane.name]

    def _has_ended(self, attempt: FarAttempt, outcome: Outcome) -> None:
        job = self._jobs[attempt.call.run_id]
        job.head = attempt.packed or Head(outcome, 0, [], issues_of(outcome.value)).pack()
        job.far, job.at = None, monotonic()
        if job.ended is not None:
            job.ended.set()
        self._count += 1
        job.lane.tell(attempt, (self._count, job.run_id, job.head if len(job.head) <= _SMALL else None))

    # -- asking -----------------------------------------------------------------------------------------------

    async def follow(self, name: str, after: int) -> bytes:
        """The jobs of a lane that ended after the news of that number, a packed list of `News`.

        Waits a while where there is none; and a little where there will soon be more.
        """
        lane = self._lanes.get(name)
        if lane is None:  # it has yet to be heard of
            await asyncio.sleep(_GATHERED)
            return _packed([])
        while lane.news and lane.news[0][0] <= after:
            lane.news.popleft()
        if not lane.news:
            lane.came.clear()
            await _wait(lane.came, _HELD)
        if lane.news:
            await _wait(lane.idle, min(_GATHERED + _EACH * lane.told, _LONGEST))
        lane.told = len(lane.news)
        return _packed(list(lane.news))

    async def ask(self, job_id: str, seconds: float) -> tuple[bool, bytes | None]:
        """Whether there is a job of that id, and its packed `Head` once it has ended, for which it waits so long."""
        job = self._jobs.get(job_id)
        if job is None:
            return False, None
        if seconds > 0 and job.head is None:
            job.ended = job.ended or asyncio.Event()
            await _wait(job.ended, seconds)
        return True, job.head

    async def stop(self, job_id: str, grace: float) -> bool:
        """Cancel a job; whether there is one that runs."""
        job = self._jobs.get(job_id)
        if job is None or job.far is None:
            return False
        await job.far.cancel("cancelled", grace)
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
        self._lanes = {name: lane for name, lane in self._lanes.items() if lane in lanes}


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _packed(news: list[News]) -> bytes:
    return pickle.dumps(news, 5)


def _forget_reports(job: _Job) -> None:
    """Nobody asks for what jobs report, and it must not pile up."""
    if job.far is not None:
        job.far.drain()


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
