"""`RayJobsApiExecutor`: each action a job of Ray's Jobs API."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import shlex
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from synapse_core.builtin.local.threads import DaemonThreads
from synapse_core.ids import new_run_id
from synapse_core.protocols import Call, Then
from synapse_core.schema import default_schema
from synapse_core.worker import prepare
from synapse_ray import checks
from synapse_ray.attempts.direct import Target
from synapse_ray.base import BaseRayExecutor
from synapse_ray.environment import runtime_env
from synapse_ray.errors import RayClusterError, RayConfigError
from synapse_ray.jobs_api.attempt import JobAttempt
from synapse_ray.jobs_api.book import FOLDER_KEY
from synapse_ray.jobs_api.dashboard import Dashboard
from synapse_ray.jobs_api.errors import JobNotFoundError
from synapse_ray.jobs_api.ids import checked, submission_id
from synapse_ray.jobs_api.jobs import Jobs
from synapse_ray.jobs_api.parcel import Parcel, new_name, packed
from synapse_ray.jobs_api.submission import JobRequest, submit
from synapse_ray.packaging.shipment import Shipment, packed_shipment
from synapse_ray.placing import check_resources

_LOG = logging.getLogger(__name__)

DASHBOARD = "http://localhost:8265"

_PYTHON = '"$(command -v "${SYNAPSE_PYTHON:-python}" || command -v python3)"'
"""The Python of the job's environment; a cluster that has it elsewhere says where in ``SYNAPSE_PYTHON``."""

_STOP_WAIT = "RAY_JOB_STOP_WAIT_TIME_S"
_SPARE = 4
"""Seconds that Ray waits longer than we do before it kills: an outcome is still written down then."""


class RayJobsApiExecutor(BaseRayExecutor, Jobs):
    """Runs each action as a job of Ray's Jobs API; only HTTP to the dashboard is needed.

    A job outlives whoever submitted it: by its id, its status, log and result can be had from any process, as long as
    the node that it ran on lives; they lie in Ray's log folder there, until that is cleaned up. The action runs in a
    process of its own on that node, so that a crash fails only it and a cancel ends all that it started. A job that
    asks for no resources runs on the head node, and reserves none.

    Args:
        dashboard_address: where the dashboard is.
        max_concurrency: how many jobs an engine has at once; no bound, if None.
        heartbeat_timeout: seconds without a sign of life after which a job is given up, and its attempt has died.
        stop_grace: seconds that an action has between `stop` and the end by force.
        **common: as for `BaseRayExecutor`.
    """

    def __init__(
        self,
        *,
        dashboard_address: str = DASHBOARD,
        max_concurrency: int | None = 16,
        heartbeat_timeout: float = 60.0,
        stop_grace: float = 3.0,
        **common: Any,
    ) -> None:
        BaseRayExecutor.__init__(self, **common)
        checks.count("max_concurrency", max_concurrency)
        checks.seconds("heartbeat_timeout", heartbeat_timeout)
        checks.amount("stop_grace", stop_grace)
        Jobs.__init__(self, Dashboard(_address(dashboard_address, self.config.ray_address)))
        self._max_concurrency = max_concurrency
        self._heartbeat_timeout = heartbeat_timeout
        self._stop_grace = stop_grace
        self._archives = contextlib.ExitStack()
        weakref.finalize(self, self._archives.close)
        self._threads = DaemonThreads("synapse-ray-jobs")
        self._running: set[JobAttempt] = set()

    # -- one action -------------------------------------------------------------------------------------------

    def submit(self, action_cls: Any, params: Mapping[str, Any] | None = None, *, job_id: str | None = None) -> str:
        """Submit an action as a job, and return the job's id without waiting for it.

        Args:
            action_cls: a `BaseAction` class, a decorated function, or an entry point string, which only the cluster
                needs to be able to import.
            params: what the action's params model is made from; unknown keys are errors.
            job_id: the job's id: letters, digits, ``.``, ``-`` and ``_``. A job that there is already under that id is
                that job, and not started again.

        Raises:
            ValidationError: the params do not fit, where the action can be looked at here.
            ClusterUnreachableError: no dashboard answers at the address.
            ResourcesError: no node has what the job asks for.
            PackageError: the working directory cannot be shipped.
        """
        own_id = checked(job_id) if job_id is not None else f"synapse-{new_run_id()}"
        target = Target.of(action_cls)
        call = target.call(own_id, params, job_id=self.config.job_id or own_id)
        if target.spec is not None:
            prepare(target.spec, default_schema(), "forbid").structure(call.params)
        self._give(call, own_id)
        self._targets[own_id] = target
        return own_id

    # -- a pipeline's attempts --------------------------------------------------------------------------------

    @property
    def capacity(self) -> Mapping[str, float]:
        """``workers`` jobs at once, where that is bounded; Ray itself sees to the rest."""
        return {} if self._max_concurrency is None else {"workers": float(self._max_concurrency)}

    def start(self, call: Call, wake: Callable[[], None], then: Then | None = None) -> JobAttempt:
        """Start an attempt as a job; see `Executor.start`. Each has a process of its own, so there is no going on."""
        own_id = self.id_of(call)
        return self._look_after(call, own_id, lambda: self._give(call, own_id), wake)

    def id_of(self, call: Call) -> str:
        """The id of an attempt's job: of its run, action and attempt, so that it is known before there is a job."""
        return submission_id(call)

    async def find(self, call: Call, wake: Callable[[], None]) -> JobAttempt | None:
        """The job of an attempt that an engine before this one started; see `Findable.find`."""
        own_id = self.id_of(call)
        try:
            await asyncio.to_thread(self.dashboard.job, own_id)
        except JobNotFoundError:
            return None
        except RayClusterError:
            _LOG.warning("the job %s cannot be asked for yet; it is looked for again", own_id)
        return self._look_after(call, own_id, None, wake)

    def _look_after(
        self, call: Call, job_id: str, given: Callable[[], None] | None, wake: Callable[[], None]
    ) -> JobAttempt:
        attempt = JobAttempt(
            call,
            self.dashboard,
            job_id,
            submit=given,
            wake=wake,
            ended=self._running.discard,
            patience=self._heartbeat_timeout,
        )
        self._running.add(attempt)
        self._threads.submit(attempt.run)
        return attempt

    async def aclose(self) -> None:
        """Stop the jobs that were started as attempts and still run; those that were submitted by `submit` go on."""
        await asyncio.gather(*(attempt.cancel("the executor was closed", 0.0) for attempt in list(self._running)))
        self._threads.close()

    # -- giving a job to Ray ----------------------------------------------------------------------------------

    def _give(self, call: Call, job_id: str) -> None:
        asked = self.config.asked(call.resources)
        self.check_resources(self.options(call.resources))
        name = new_name()
        with packed(name, Parcel(self.remote_call(call), self._stop_grace)) as folder:
            request = JobRequest(
                submission_id=job_id,
                entrypoint=f"exec {_PYTHON} -P -m synapse_ray.jobs_api.main {name} {shlex.quote(call.entrypoint)}",
                runtime_env=self._of_job(call, job_id, folder),
                metadata=_metadata(call, name),
                num_cpus=asked.num_cpus,
                num_gpus=asked.num_gpus,
                memory=None if asked.memory is None else int(asked.memory),
                resources=asked.custom or None,
            )
            submit(self.dashboard, request)

    def _environment(self, folder: Path | None) -> dict[str, Any]:
        """As of the other executors; but the archive stays here, and Ray's client uploads it over HTTP."""
        shipment, archive = Shipment.of(self.config, folder), None
        if not shipment.is_empty:
            package = packed_shipment(shipment, str(folder or "the Synapse packages"))
            archive = str(self._archives.enter_context(package).path)
        return runtime_env(self.config, self._environ.public, archive, shipment.lines)

    def check_resources(self, options: Mapping[str, Any]) -> None:
        """See `BaseRayExecutor.check_resources`."""
        if options.keys() - {"max_retries"}:
            check_resources(self.dashboard, options)

    def _of_job(self, call: Call, job_id: str, parcel: str) -> dict[str, Any]:
        """The job's runtime environment: the executor's, its set-up told in the job's log, and the call."""
        made = self.runtime_env(call.root)
        made["py_modules"] = [*made.get("py_modules", ()), parcel]
        made["config"] = {"log_files": [f"job-driver-{job_id}.log"], **made.get("config", {})}
        made["env_vars"] = {_STOP_WAIT: str(math.ceil(self._stop_grace) + _SPARE), **made.get("env_vars", {})}
        return made


def _metadata(call: Call, folder: str) -> dict[str, str]:
    return {
        FOLDER_KEY: folder,
        "synapse_run": call.run_id,
        "synapse_action": call.action,
        "synapse_attempt": str(call.attempt),
    }


def _address(dashboard: str, ray_address: str) -> str:
    """Where the dashboard is; an ``http`` address may be given as ``ray_address``, as for the other executors."""
    if ray_address.startswith(("http://", "https://")):
        return ray_address
    if ray_address != "auto" and dashboard == DASHBOARD:
        raise RayConfigError(
            f"the Jobs API is reached by the cluster's dashboard, not at {ray_address!r}",
            hint="pass dashboard_address='http://HOST:8265'",
        )
    return dashboard
