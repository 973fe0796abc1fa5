"""Running one action until it is done for good: attempts, retries, timeouts, being stopped."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from attrs import define, field

from synapse_core.engine.fitting import is_findable
from synapse_core.engine.job import Job
from synapse_core.engine.recorder import Recorder
from synapse_core.engine.settings import RunSettings
from synapse_core.engine.slots import Slots
from synapse_core.errors import StoreError
from synapse_core.events import Draft, Kind, now
from synapse_core.models import Failure
from synapse_core.protocols import Attempt, Call, Executor, Findable, Outcome, Queued, Then
from synapse_core.worker.failure import failure_of, kinds_of

_TIMEOUT = "timeout"


class CarryOn(NamedTuple):
    """How a worker goes on by itself: ``settle`` a completed job, if that can be done there; then ``following``."""

    settle: Callable[[Job, Outcome], bool]
    following: Callable[[Job], Job | None]


class Attempts:
    """Runs jobs, each until it is completed or has failed for good; knows what runs now, and can stop it.

    Args:
        run_id: the run.
        executor: where attempts run.
        recorder: told what happens.
        settings: of the run.
        max_parallel: how many attempts run at once, if fewer than the executor can.
    """

    def __init__(
        self,
        run_id: str,
        executor: Executor,
        recorder: Recorder,
        settings: RunSettings,
        max_parallel: int | None = None,
    ) -> None:
        self._run_id = run_id
        self._executor = executor
        self._finder = executor if is_findable(executor) else None
        self._recorder = recorder
        self._settings = settings
        self._slots = Slots(_bounded(executor.capacity, max_parallel))
        self._live: dict[str, _Live] = {}
        self._stopped = asyncio.Event()
        self._nudge = asyncio.Event()
        self._due: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._lock = threading.RLock()  # workers that carry on take part, on their own threads
        self.stop_reason: str | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing runs."""
        return not self._live

    async def run(self, job: Job, carry_on: CarryOn | None = None) -> tuple[Job, Outcome]:
        """Run ``job`` until it is done for good; what its last attempt reported is in its ``tail``.

        With ``carry_on`` the worker may settle a completed job and go on with the one that follows; the job that
        comes back is the last.
        """
        amounts = self._slots.bounded({"workers": 1.0, **(job.node.resources.amounts() if job.node.resources else {})})
        while True:
            await self._slots.take(amounts)
            try:
                if self.stop_reason is not None:
                    return job, _not_run(self.stop_reason)
                job, outcome = await self._once(job, carry_on)
            finally:
                self._slots.give(amounts)
            if not self._again(job, outcome):
                return job, outcome
            stopped = await self._paused(job, outcome)
            if stopped is not None:
                return job, _not_run(stopped)

    # -- one attempt ------------------------------------------------------------------------------------------

    async def _once(self, job: Job, carry_on: CarryOn | None) -> tuple[Job, Outcome]:
        live = _Live(job, carry_on)
        outcome = await self._outcome(live)
        with self._lock:
            del self._live[live.job.name]
            if live.job.ready is None:
                live.job.tail += self._taken(live)
        if live.broken is not None:
            raise live.broken
        return live.job, live.judged(outcome)

    async def _outcome(self, live: _Live) -> Outcome:
        """Start the attempt and wait for it; an executor that fails fails this attempt only."""
        try:
            if self._finder is None:
                attempt = self._start(live, self._begin(live))
            else:
                attempt = await self._far(live, self._finder)
            with self._timer(live, attempt):
                return await attempt.outcome()
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  executors are plugins
            return Outcome("failed", failure=failure_of(error), value=error, kinds=kinds_of(error))

    def _start(self, live: _Live, call: Call) -> Attempt:
        # Under the lock, so that a worker that is done before `start` returns does not find no attempt to drain.
        with self._lock:
            carrier = self._carrier(live) if live.carry_on is not None else None
            live.attempt = self._executor.start(call, self._wake, carrier)
            return live.attempt

    async def _far(self, live: _Live, finder: Findable) -> Attempt:
        """An attempt that outlives this engine: one of an engine before is found again, a new one noted before."""
        attempt = None
        if live.job.in_flight:
            live.job.in_flight = False
            self._live[live.job.name] = live
            live.known = await self._recorder.reported(live.job.name, live.job.attempt)
            attempt = live.attempt = await finder.find(self._call(live.job), self._wake)
        if attempt is None:
            live.known = 0
            call = self._begin(live)
            await self._recorder.flush()
            attempt = self._start(live, call)
        if live.reason is not None:  # it was told to stop while there was nothing to stop yet
            self._stop(live, live.reason, self._settings.grace)
        return attempt

    @contextmanager
    def _timer(self, live: _Live, attempt: Attempt) -> Iterator[None]:
        timeout = live.job.node.timeout
        if timeout is None:
            yield
            return
        timer = asyncio.ensure_future(self._time(live, attempt, timeout))
        try:
            yield
        finally:
            timer.cancel()

    async def _time(self, live: _Live, attempt: Attempt, seconds: float) -> None:
        """Stop an attempt when its time is up; waiting for resources does not count."""
        if isinstance(attempt, Queued):
            await attempt.begun()
        await asyncio.sleep(seconds)
        self._stop(live, _TIMEOUT, self._settings.grace)

    def _begin(self, live: _Live) -> Call:
        job = live.job
        job.attempt += 1
        self._live[job.name] = live
        self._recorder.post([Draft(Kind.ACTION_STARTED, now(), job.name, job.attempt)])
        return self._call(job)

    def _carrier(self, live: _Live) -> Then:
        """What a worker asks, on its own thread, when the action it ran has ended."""

        def then(outcome: Outcome) -> Call | None:
            done, carry_on = live.job, live.carry_on
            with self._lock:
                if outcome.status != "completed" or live.told_to_stop() or carry_on is None:
                    return None
                done.tail = self._taken(live)
            try:
                # Without the lock: the store may have this thread wait, and must not have the engine's wait with it.
                return self._follow(live, carry_on) if carry_on.settle(done, outcome) else None
            except Exception as error:  # noqa: BLE001  it belongs to the engine, not to the worker's thread
                live.broken = error
                return None

        return then

    def _follow(self, live: _Live, carry_on: CarryOn) -> Call | None:
        with self._lock:
            done = live.job
            following = None if live.told_to_stop() else carry_on.following(done)
            if following is None:
                return None
            del self._live[done.name]
            live.job = following
            return self._begin(live)

    def _call(self, job: Job) -> Call:
        node, settings = job.node, self._settings
        return Call(
            self._run_id,
            job.name,
            job.attempt,
            node.spec.entrypoint,
            job.params,
            node.spec.root,
            settings.extra,
            settings.strict,
            f"{settings.work_dir}/actions/{job.name}" if settings.work_dir else None,
            settings.env,
            settings.job_id,
            job.midway,
            settings.hooks,
            node.resources,
            job.passes,
            node.spec.stop,
            node.spec,
            settings.local,
        )

    def _taken(self, live: _Live) -> list[Draft]:
        """What an attempt has reported; the mid-way state it saved is kept for its next attempt."""
        drafts = live.fresh(live.attempt.drain()) if live.attempt is not None else []
        for draft in drafts:
            if draft.kind == Kind.ACTION_CHECKPOINT:
                live.job.midway = draft.payload
        return drafts

    # -- another one? -----------------------------------------------------------------------------------------

    def _again(self, job: Job, outcome: Outcome) -> bool:
        retry = job.node.retry
        return (
            retry is not None
            and self.stop_reason is None
            and outcome.status in {"failed", "died"}
            and job.attempt < retry.max_attempts
            and any(map(retry.wants, _kinds(outcome)))
        )

    async def _paused(self, job: Job, outcome: Outcome) -> str | None:
        """Say that the job is retried and wait for it; why the run was stopped meanwhile, if it was."""
        assert job.node.retry is not None
        delay = job.node.retry.pause(job.attempt)
        payload = {**failure_payload(outcome), "delay": delay, "next_attempt": job.attempt + 1}
        self._recorder.post([*job.tail, Draft(Kind.ACTION_RETRYING, now(), job.name, job.attempt, payload)])
        job.tail = []
        try:
            await asyncio.wait_for(self._stopped.wait(), delay)
        except TimeoutError:
            return None
        return self.stop_reason

    # -- stopping ---------------------------------------------------------------------------------------------

    def stop(self, reason: str, grace: float | None = None) -> None:
        """Stop all that runs, and start nothing more; in ``grace`` seconds, or as the settings say.

        A second call may shorten the grace.
        """
        self.stop_reason = self.stop_reason or reason
        self._stopped.set()
        with self._lock:
            for live in self._live.values():
                self._stop(live, reason, self._settings.grace if grace is None else grace)

    def _stop(self, live: _Live, reason: str, grace: float) -> None:
        live.reason = live.reason or reason
        if live.attempt is not None:
            live.stopping.add(asyncio.ensure_future(live.attempt.cancel(reason, grace)))

    # -- reports ----------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._nudge.set)
        except RuntimeError:  # the loop is closed: nobody drains any more
            return

    async def pump(self) -> None:
        """Take reports from what runs and have them stored, a few times a second and when one has many; forever.

        While the store is away and much waits, the rest is left where it is: full reporters hold their actions back.
        """
        while True:
            self._due = self._loop.call_later(self._settings.flush, self._tick)
            try:
                await self._nudge.wait()
            finally:
                self._due.cancel()
            self._nudge.clear()
            self._take_reports()
            await self._recorder.flush()

    def _tick(self) -> None:
        """Wake the pump; where there is nothing to store, come again: a run that waits costs a call, and no task."""
        if self._is_quiet():
            self._due = self._loop.call_later(self._settings.flush, self._tick)
        else:
            self._nudge.set()

    def _is_quiet(self) -> bool:
        try:
            self._take_reports()
        except Exception:  # noqa: BLE001  the pump meets it again, and tells
            return False
        return self._recorder.idle

    def _take_reports(self) -> None:
        with self._lock:
            if self._recorder.backlog < 4 * Recorder.BATCH:
                for live in self._live.values():
                    self._recorder.post(self._taken(live))


@define(eq=False)
class _Live:
    """An attempt that runs, why it was told to stop, if it was, and what failed when its worker went on by itself.

    ``known``: of an attempt that was found again, how many of its reports an engine before has stored.
    """

    job: Job
    carry_on: CarryOn | None
    attempt: Attempt | None = None
    reason: str | None = None
    broken: Exception | None = None
    stopping: set[asyncio.Future[None]] = field(factory=set)
    known: int = 0

    def fresh(self, drafts: list[Draft]) -> list[Draft]:
        """Those that are not stored yet: an attempt that was found again tells from its beginning, in order."""
        if not self.known:
            return drafts
        lossless = [draft for draft in drafts if draft.kind != Kind.ACTION_PROGRESS]
        known, self.known = set(map(id, lossless[: self.known])), max(0, self.known - len(lossless))
        return [draft for draft in drafts if id(draft) not in known]

    def told_to_stop(self) -> bool:
        """Whether it was; another thread may tell it at any time."""
        return self.reason is not None

    def judged(self, outcome: Outcome) -> Outcome:
        """The outcome; our own word decides, not what an attempt that was told to stop came back with."""
        if self.reason is None:
            return outcome
        abandoned = outcome.failure.message if outcome.status == "abandoned" and outcome.failure else ""
        if self.reason == _TIMEOUT:
            message = f"attempt {self.job.attempt} took longer than {self.job.node.timeout:g} s"
            text = f"{message}; {abandoned}" if abandoned else message
            kinds = ("ActionTimeoutError", "TimeoutError")  # the second is what whoever retries would call it
            return Outcome("failed", failure=Failure(kinds[0], text, _traceback(outcome)), kinds=kinds)
        return Outcome("cancelled", failure=Failure("ActionCancelled", abandoned or self.reason, _traceback(outcome)))


def _bounded(capacity: Mapping[str, float], max_parallel: int | None) -> Mapping[str, float]:
    if max_parallel is None:
        return capacity
    return {**capacity, "workers": min(capacity.get("workers", max_parallel), max_parallel)}


def _kinds(outcome: Outcome) -> tuple[str, ...]:
    return outcome.kinds or (outcome.failure.type if outcome.failure else "",)


def _traceback(outcome: Outcome) -> str:
    return outcome.failure.traceback if outcome.failure else ""


def _not_run(reason: str) -> Outcome:
    return Outcome("cancelled", failure=Failure("ActionCancelled", reason))


def failure_payload(outcome: Outcome) -> dict[str, Any]:
    """What an event says of a failure."""
    failure = outcome.failure or Failure("Error", "no reason was given")
    error = "cancelled" if outcome.status == "cancelled" else str(failure)
    return {
        "error": error,
        "failure": {"type": failure.type, "message": failure.message, "traceback": failure.traceback},
    }
