"""Giving a job to Ray: `submit`."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from synapse_ray.errors import AUTH_HINT, ClusterAuthError, ClusterUnreachableError, RayClusterError
from synapse_ray.jobs_api.dashboard import Dashboard
from synapse_ray.jobs_api.errors import ExtraMissingError, JobNotFoundError

_PATIENCE = 600.0
"""Seconds for a submission with its packages: Ray's client has no deadline of its own."""

_OVERRIDES = "RAY_API_SERVER_ADDRESS"
_environ = threading.Lock()
_TALKATIVE = ("ray.dashboard.modules.dashboard_sdk", "ray._private.runtime_env.packaging")


@frozen
class JobRequest:
    """A job to be submitted; what its fields mean is said by Ray's Jobs API."""

    submission_id: str
    entrypoint: str
    runtime_env: Mapping[str, Any] = field(factory=dict, repr=False)
    metadata: Mapping[str, str] = field(factory=dict)
    num_cpus: float | None = None
    num_gpus: float | None = None
    memory: int | None = None
    resources: Mapping[str, float] | None = None
    node: str | None = None


def submit(dashboard: Dashboard, job: JobRequest) -> None:
    """Submit a job; one that there is already under its id is that job, and no error.

    Raises:
        ClusterUnreachableError: nobody answers at the address.
        ExtraMissingError: ``ray[default]`` is not installed here.
        RayClusterError: Ray refuses the job; the message says why.
    """
    dashboard.check()
    try:
        _within(_PATIENCE, lambda: _submitted(dashboard.address, job), dashboard.address)
    except RayClusterError:
        if not _is_there(dashboard, job.submission_id):  # the answer may have been lost, or this is a duplicate
            raise


def _is_there(dashboard: Dashboard, job_id: str) -> bool:
    try:
        dashboard.job(job_id)
    except (JobNotFoundError, RayClusterError):
        return False
    return True


def _submitted(address: str, job: JobRequest) -> None:
    client = _client(address)
    more = {} if job.node is None else {"entrypoint_label_selector": {"ray.io/node-id": job.node}}
    client.submit_job(
        entrypoint=job.entrypoint,
        submission_id=job.submission_id,
        runtime_env=dict(job.runtime_env),
        metadata=dict(job.metadata),
        entrypoint_num_cpus=job.num_cpus,
        entrypoint_num_gpus=job.num_gpus,
        entrypoint_memory=job.memory,
        entrypoint_resources=dict(job.resources) if job.resources else None,
        **more,
    )


def _client(address: str) -> Any:
    """Ray's client for just that address: it takes one from the environment before the one it is given."""
    from ray.job_submission import JobSubmissionClient

    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)  # they tell every upload, on the terminal
    with _environ:
        before = os.environ.get(_OVERRIDES)
        os.environ[_OVERRIDES] = address
        try:
            return JobSubmissionClient(address)
        finally:
            if before is None:
                del os.environ[_OVERRIDES]
            else:
                os.environ[_OVERRIDES] = before


def _within(seconds: float, work: Callable[[], None], address: str) -> None:
    """Have ``work`` done on a thread of its own, which is left behind when the time is up."""
    caught: list[Exception] = []

    def guarded() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  raised again where it is waited for
            caught.append(error)

    thread = threading.Thread(target=guarded, name="synapse-submit", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise ClusterUnreachableError(
            f"Ray's dashboard at {address} did not take a job within {seconds:g} s",
            hint="see how the head node is: with the job, what it ships is uploaded there",
        )
    if caught:
        raise _explained(caught[0], address) from caught[0]


def _explained(error: Exception, address: str) -> RayClusterError:
    text = str(error).strip().rstrip(".").rstrip()
    if isinstance(error, ImportError) or "ray[default]" in text:
        return ExtraMissingError(
            "Ray's Jobs API needs more of Ray than is installed here", hint="pip install 'ray[default]'"
        )
    if isinstance(error, ConnectionError | OSError):
        return ClusterUnreachableError(f"Ray's dashboard does not answer at {address}: {text}")
    if type(error).__name__ == "AuthenticationError":
        return ClusterAuthError(
            f"the Ray cluster at {address} refused this process: {text.partition(chr(10))[0]}", hint=AUTH_HINT
        )
    hint = None
    if "No available agent" in text:
        hint = "the head's dashboard agent is not up: perhaps another's has its port (--dashboard-agent-listen-port)"
    return RayClusterError(f"Ray at {address} does not take the job: {text.rpartition(chr(10))[2]}", hint=hint)
