"""`RayJobExecutor`: actions as jobs in the background, each a Ray task of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Literal

from attrs import frozen

from synapse_core.errors import ExecutionError
from synapse_core.ids import new_run_id
from synapse_core.protocols import Call, Then
from synapse_ray.attempts import TaskExecutor
from synapse_ray.attempts.attempt import FarAttempt
from synapse_ray.attempts.direct import Target, error_of, read, result_of
from synapse_ray.attempts.following import Following, ask
from synapse_ray.attempts.keeper import KEEPER, Lane, find_keeper
from synapse_ray.base import BaseRayExecutor
from synapse_ray.inbox.mailbox import MailboxInbox
from synapse_ray.worker.order import Head, Orders

_TOLD = 5.0
"""Seconds that the end of a job may take to be told here."""

JobStatus = Literal["RUNNING", "SUCCEEDED", "FAILED", "UNKNOWN"]


@frozen
class Job:
    """What is known of a job: whether there is one, and how it ended, if it has."""

    known: bool
    head: Head | None


class RayJobExecutor(BaseRayExecutor):
    """Submits actions as jobs, as many as one likes at once; or runs the actions of a pipeline.

    A job is a Ray task on a worker that is kept warm. An actor of the cluster looks after jobs
    (`synapse_ray.attempts.keeper.JobKeeper`): they go on when this process ends, and their status and result can be had
    from any other that is connected to the cluster, by the job's id, until an hour after their end (of the last 1,000
    jobs). What jobs print stands in Ray's logs of their workers, and what they report is not kept: for that, run a
    pipeline.

    Args:
        max_concurrency: how many run at once; as many as the cluster has room for, if None.
        heartbeat_timeout: seconds of silence after which a worker is given up, and its job has failed.
        strict: a result that does not fit its ``result_model`` is an error, not a warning in the log.
        **config: as for `BaseRayExecutor`.
    """

    def __init__(
        self,
        *,
        max_concurrency: int | None = None,
        heartbeat_timeout: float = 60.0,
        strict: bool = False,
        **config: Any,
    ) -> None:
        super().__init__(**config)
        self._max_concurrency = max_concurrency
        self._heartbeat_timeout = heartbeat_timeout
        self._strict = strict
        self._making = threading.Lock()
        self._orders = Orders(self.remote_call, KEEPER, heard=False)
        self._targets: dict[str, Target] = {}
        self._followings: dict[str | None, Following] = {}
        self._tasks: TaskExecutor | None = None

    # -- jobs -------------------------------------------------------------------------------------------------

    def submit(self, action_cls: Any, params: Mapping[str, Any] | None = None, *, job_id: str | None = None) -> str:
        """Submit an action and return its job's id, without waiting.

        Args:
            action_cls: a `BaseAction` class, a decorated function, or an entry point string, which only the cluster
                needs to be able to import.
            params: what the action's params model is made from; a key that it does not know fails the job.
            job_id: the job's id; that of the executor, if None, or else a new one.

        Raises:
            ExecutionError: this executor has submitted a job of that id.
            UnserializableError: a param does not survive JSON.
            DiscoveryError: the workers could not find the action.
            RayClusterError: the cluster cannot be reached, or has no room for such a job.
        """
        target = Target.of(action_cls)
        job_id = self._new_id(job_id)
        call = target.call(job_id, params, job_id=job_id, strict=self._strict)
        order = self._orders.pack(call)
        following = self._followings.get(target.root) or self._following(target.root)
        self._targets[job_id] = target
        following.submit(job_id, call.action, order)
        return job_id

    def _new_id(self, job_id: str | None) -> str:
        if job_id is None:
            own = self.config.job_id
            return own if own and own not in self._targets else new_run_id()
        if job_id in self._targets:
            raise ExecutionError(f"there is a job {job_id!r} already", run_id=job_id, hint="give each an id of its own")
        return job_id

    def _following(self, root: str | None) -> Following:
        """Who submits and follows jobs of a plugin's folder; made with everything that such a job needs."""
        with self._making:
            if root not in self._followings:
                lane = Lane(new_run_id(), *self.made_ready(root), self._max_concurrency, self._heartbeat_timeout)
                self._followings[root] = Following(lane, self.runtime_env() if self.config.include_sdk else {})
            return self._followings[root]

    def get_status(self, job_id: str) -> JobStatus:
        """How a job is, whoever submitted it; ``UNKNOWN`` where there is none of that id, or none any more."""
        job = self._look(job_id, 0.0)
        if not job.known:
            return "UNKNOWN"
        if job.head is None:
            return "RUNNING"
        return "SUCCEEDED" if job.head.outcome.status == "completed" else "FAILED"

    def get_result(self, job_id: str, timeout: float | None = None) -> Any:
        """Wait for a job and give its result, whoever submitted it.

        Args:
            job_id: the job's id.
            timeout: seconds to wait; without end, if None.

        Raises:
            ValidationError: the params did not fit.
            ExecutionError: the job failed, has not ended in time, or there is none of that id.
        """
        head = self._ended(job_id, timeout)
        target = self._targets.get(job_id) or Target(job_id, "")
        return result_of(target, read(head), job_id)

    def wait(self, job_id: str, timeout_seconds: float = 300) -> JobStatus:
        """Wait for a job, whoever submitted it: ``SUCCEEDED``, or an error.

        Raises:
            ValidationError: the params did not fit.
            ExecutionError: the job failed, has not ended in time, or there is none of that id.
        """
        outcome = read(self._ended(job_id, timeout_seconds))
        if outcome.status != "completed":
            raise error_of(self._targets.get(job_id) or Target(job_id, ""), outcome, job_id)
        return "SUCCEEDED"

    def cancel(self, job_id: str, grace: float = 5.0) -> bool:
        """End a job: it is asked, interrupted after half of ``grace`` seconds, and after them ended by force.

        Returns:
            Whether there was a job of that id that ran.
        """
        import ray

        self._sent(job_id)
        self.connect()
        keeper = find_keeper()
        if keeper is None or not ray.get(keeper.stop.remote(job_id, grace)):
            return False
        self._look(job_id, _TOLD)
        return True

    def _sent(self, job_id: str) -> None:
        for following in self._followings.values():
            following.sent(job_id)

    def _ended(self, job_id: str, timeout: float | None) -> Head:
        job = self._look(job_id, timeout)
        if not job.known:
            hint = "jobs are known until an hour after their end, and while the actor that looks after them lives"
            raise ExecutionError(f"there is no job {job_id!r} on the cluster", run_id=job_id, hint=hint)
        if job.head is None:
            raise ExecutionError(f"job {job_id!r} has not ended within {timeout:g} s", run_id=job_id)
        return job.head

    def _look(self, job_id: str, timeout: float | None) -> Job:
        """What is known of a job, after waiting for its end for ``timeout`` seconds."""
        for following in self._followings.values():
            if following.has(job_id):
                return Job(True, following.wait(job_id, timeout))
        self.connect()
        known, packed = ask(job_id, timeout)
        return Job(known, None if packed is None else Head.unpack(packed))

    # -- a pipeline's executor --------------------------------------------------------------------------------

    @property
    def capacity(self) -> Mapping[str, float]:
        """See `TaskExecutor.capacity`."""
        return self._executor.capacity

    def start(self, call: Call, wake: Callable[[], None], then: Then | None = None) -> FarAttempt:
        """Start an attempt; see `Executor.start`."""
        return self._executor.start(call, wake, then)

    async def aclose(self) -> None:
        """End the attempts of pipelines that still run; jobs go on."""
        tasks, self._tasks = self._tasks, None
        if tasks is not None:
            await tasks.aclose()
        self.close()

    def close(self) -> None:
        """Let go of what is held here; jobs go on, and can be asked for."""
        followings, self._followings = self._followings, {}
        for following in followings.values():
            following.close()

    @property
    def _executor(self) -> TaskExecutor:
        if self._tasks is None:
            self._tasks = TaskExecutor(
                self,
                MailboxInbox(),
                max_concurrency=self._max_concurrency,
                heartbeat_timeout=self._heartbeat_timeout,
            )
        return self._tasks
