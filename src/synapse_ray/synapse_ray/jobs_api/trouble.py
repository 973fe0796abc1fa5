"""Why a job has left no outcome, as an error that says what to do: `explained`."""

from __future__ import annotations

import signal

from synapse_core.errors import ExecutionError, RunCancelledError, WorkerDiedError
from synapse_ray.environment import said_last
from synapse_ray.jobs_api.dashboard import JobInfo
from synapse_ray.jobs_api.errors import JobSetupError

_LONGEST = 8000
_NO_PACKAGE = ("No module named 'synapse_", "No module named synapse_")


def explained(info: JobInfo) -> ExecutionError:
    """The error that tells how a job ended that says nothing of it itself."""
    if info.status == "STOPPED":
        return RunCancelledError(f"the job {info.id!r} was stopped")
    if info.error_type == "RUNTIME_ENV_SETUP_FAILURE":
        return JobSetupError(
            f"the environment of the job {info.id!r} could not be set up:\n{_end(said_last(info.message))}",
            hint="what the package manager said last is above; get_logs() has all of it",
        )
    if any(part in info.message for part in _NO_PACKAGE):
        return JobSetupError(
            f"the job {info.id!r} could not begin: the synapse packages are not installed where it runs:"
            f"\n{_end(info.message)}",
            hint="install them on the cluster, or pass include_sdk=True; SYNAPSE_PYTHON names another Python there",
        )
    if "ACTOR_START_TIMEOUT" in info.error_type or "UNSCHEDULABLE" in info.error_type:
        return JobSetupError(
            f"the job {info.id!r} was not started: {_end(info.message)}",
            hint="ask for less, or have the cluster wait longer: RAY_JOB_START_TIMEOUT_SECONDS on its head",
        )
    return WorkerDiedError(f"the job {info.id!r} {_how(info)}{_said(info)}")


def _how(info: JobInfo) -> str:
    if info.status == "SUCCEEDED":
        return "has ended, and its result is gone from its node"
    if info.exit_code is None:
        return "died before it gave a result"
    if info.exit_code < 0:
        return f"was ended by {_signal(-info.exit_code)} before it gave a result"
    return f"ended with exit code {info.exit_code} before it gave a result"


def _signal(number: int) -> str:
    known = {each.value: each.name for each in signal.Signals}
    return known.get(number, f"signal {number}")


def _said(info: JobInfo) -> str:
    return "" if info.status == "SUCCEEDED" or not info.message else f":\n{_end(info.message)}"


def _end(text: str) -> str:
    """The end of a text that may be long: what went wrong stands there."""
    text = text.strip()
    return text if len(text) <= _LONGEST else f"…{text[-_LONGEST:]}"
