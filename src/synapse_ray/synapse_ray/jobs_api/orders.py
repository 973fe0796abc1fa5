"""Telling a job that runs something: `order`.

The Jobs API can stop a job, and that is all. So the order is a small job of its own, which writes a file into the
folder of the other, on its node; it takes about a second. Where it does not come through, Ray's stop is what is left.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import time
import uuid

from synapse_core.errors import SynapseError
from synapse_ray.jobs_api.book import ORDER, State
from synapse_ray.jobs_api.dashboard import Dashboard
from synapse_ray.jobs_api.submission import JobRequest, submit

_PATIENCE = 60.0
_LONGEST = 500


def order(dashboard: Dashboard, job_id: str, node: str, state: State, *, reason: str, grace: float) -> bool:
    """Tell a job to end within ``grace`` seconds; whether Ray took that.

    Returns when it was carried out, or could not be in a minute; whoever needs to be sure looks at the job itself.
    """
    request = JobRequest(
        submission_id=f"{job_id}-order-{uuid.uuid4().hex[:8]}",
        entrypoint=_command(state.folder, reason[:_LONGEST], grace),
        metadata={"synapse_order_for": job_id},
        node=node,
    )
    try:
        submit(dashboard, request)
    except SynapseError:  # a Ray that cannot place a job on a node (before 2.54), among others
        return False
    with contextlib.suppress(SynapseError):
        _settle(dashboard, request.submission_id)
    return True


def _command(folder: str, reason: str, grace: float) -> str:
    body, file = shlex.quote(json.dumps({"reason": reason, "grace": grace})), shlex.quote(f"{folder}/{ORDER}")
    return f"umask 077; printf %s {body} > {file}.new && mv {file}.new {file}"


def _settle(dashboard: Dashboard, order_id: str) -> None:
    """Wait for the order to be carried out, and leave no trace of it in the list of jobs."""
    deadline = time.monotonic() + _PATIENCE
    while not dashboard.job(order_id).ended:
        if time.monotonic() > deadline:
            dashboard.stop(order_id)
            return
        time.sleep(0.5)
    dashboard.delete(order_id)
