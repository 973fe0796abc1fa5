"""What can be done with a job by its id, from any process: `Jobs`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from synapse_core.errors import ExecutionError
from synapse_core.protocols import Outcome
from synapse_ray.attempts.direct import Target, result_of
from synapse_ray.errors import RayClusterError
from synapse_ray.jobs_api.book import FOLDER_KEY
from synapse_ray.jobs_api.dashboard import Dashboard, JobInfo
from synapse_ray.jobs_api.logs import Follower, JobLog, stream
from synapse_ray.jobs_api.orders import clear
from synapse_ray.jobs_api.reading import reader_of
from synapse_ray.jobs_api.trouble import explained

if TYPE_CHECKING:
    from ray.job_submission import JobStatus

_PAUSE = 0.5
_AWAY = 60.0
"""Seconds that the dashboard may be away while a job is waited for."""


class Jobs:
    """The jobs of a cluster.

    Attributes:
        dashboard: the cluster's.
    """

    def __init__(self, dashboard: Dashboard) -> None:
        self.dashboard = dashboard
        self._targets: dict[str, Target] = {}

    def get_status(self, job_id: str) -> JobStatus:
        """PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED.

        Raises:
            JobNotFoundError: there is no such job.
            ClusterUnreachableError: no dashboard answers; so for all that is asked here.
        """
        from ray.job_submission import JobStatus

        return JobStatus(self.dashboard.job(job_id).status)

    def list_jobs(self) -> Sequence[JobInfo]:
        """All jobs that were submitted to the cluster, by anybody, the newest first."""
        return self.dashboard.jobs()

    def stop(self, job_id: str) -> bool:
        """Stop a job: its action is asked to, and ended with all that it started when its time is up.

        Returns:
            Whether the job ran, or waited to.

        Raises:
            JobNotFoundError: there is no such job.
        """
        return not self.dashboard.job(job_id).ended and self.dashboard.stop(job_id)

    def delete(self, job_id: str) -> bool:
        """Have the cluster forget a job that has ended; its id should not be used again.

        What it has reported and its result are removed from its node, if that is there still; its log is Ray's, and
        stays as long as Ray keeps it.

        Raises:
            JobNotFoundError: there is no such job.
            ExecutionError: it has not ended.
        """
        info = self.dashboard.job(job_id)
        if not info.ended:
            raise ExecutionError(f"the job {job_id!r} has not ended: it is {info.status}", hint="stop() it first")
        return self.dashboard.delete(job_id, *clear(self.dashboard, info))

    # -- logs -------------------------------------------------------------------------------------------------

    def get_logs(self, job_id: str) -> str:
        """The whole log until now, with what was said while the environment was set up.

        Raises:
            JobNotFoundError: there is no such job.
            NodeGoneError: the node with the log is gone.
        """
        return JobLog(self.dashboard, job_id).text()

    def stream_logs(self, job_id: str, *, timeout: float = 3600.0) -> Iterator[str]:
        """The log's lines as they come, the whole log and nothing twice, until the job has ended.

        Args:
            job_id: the job.
            timeout: seconds.

        Yields:
            Lines with their newline; the last may have none.

        Raises:
            JobNotFoundError: there is no such job.
            ExecutionError: the job has not ended in that time.
        """
        return stream(JobLog(self.dashboard, job_id), timeout)

    async def stream_logs_async(self, job_id: str) -> AsyncIterator[str]:
        """As `stream_logs`, for as long as it takes."""
        follower = Follower(JobLog(self.dashboard, job_id))
        while not follower.done:
            for line in await asyncio.to_thread(follower.look):
                yield line
            await asyncio.sleep(follower.pause)

    # -- the end ----------------------------------------------------------------------------------------------

    def wait(self, job_id: str, timeout_seconds: float = 300, poll_interval: float = 1.0) -> str:
        """Wait until a job has ended.

        Args:
            job_id: the job.
            timeout_seconds: how long.
            poll_interval: seconds between two looks.

        Returns:
            Its last status: SUCCEEDED, FAILED or STOPPED.

        Raises:
            JobNotFoundError: there is no such job.
            ExecutionError: it has not ended in that time.
        """
        return self._ended(job_id, timeout_seconds, poll_interval).status

    def _ended(self, job_id: str, timeout: float | None, pause: float) -> JobInfo:
        began = answered = time.monotonic()
        info = self.dashboard.job(job_id)
        while not info.ended:
            if timeout is not None and time.monotonic() - began >= timeout:
                raise ExecutionError(
                    f"the job {job_id!r} has not ended within {timeout:g} s: it is {info.status}",
                    hint="wait longer, or stop() it",
                )
            time.sleep(pause)
            try:
                info, answered = self.dashboard.job(job_id), time.monotonic()
            except RayClusterError:
                if time.monotonic() - answered > _AWAY:
                    raise
        return info

    def outcome(self, job_id: str, timeout: float | None = None) -> Outcome:
        """How a job's attempt ended; waits for that.

        Raises:
            JobNotFoundError: there is no such job.
            ExecutionError: it has left no outcome; the error's kind says why.
        """
        return self._outcome(self._ended(job_id, timeout, _PAUSE))

    def _outcome(self, info: JobInfo) -> Outcome:
        if FOLDER_KEY not in info.metadata:
            raise ExecutionError(
                f"the job {info.id!r} was not submitted by Synapse, and has no result", hint="get_logs() has its log"
            )
        reader = reader_of(self.dashboard, info)
        state = reader.state() if reader is not None else None
        if reader is None or state is None or state.size is None:
            raise explained(info)
        return reader.outcome(state)

    def get_result(self, job_id: str, timeout: float | None = None) -> Any:
        """The action's result, from any process; waits for it.

        Args:
            job_id: the job.
            timeout: seconds; for ever, if None.

        Returns:
            The result: an instance of the action's ``result_model``, where it has one and was submitted here by its
            class, else JSON data.

        Raises:
            JobNotFoundError: there is no such job.
            JobSetupError: its environment could not be set up.
            NodeGoneError: the node with the result is gone.
            DiscoveryError: the action cannot be imported there.
            ExecutionError: it failed, was stopped, or has not ended in that time.
        """
        info = self._ended(job_id, timeout, _PAUSE)
        target = self._targets.get(job_id) or Target(info.metadata.get("synapse_action", job_id), "")
        return result_of(target, self._outcome(info), info.metadata.get("synapse_run", ""))
