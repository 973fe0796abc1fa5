"""What is done on a job's node, in its folder: telling it something (`order`), and removing what it leaves (`clear`).

The Jobs API can stop a job, and that is all. So each is an errand: a small job of its own, on the node of the other; it
takes about a second. Where an order does not come through, Ray's stop is what is left.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import time
import uuid
from pathlib import PurePosixPath

from synapse_core.errors import SynapseError
from synapse_ray.errors import RayClusterError
from synapse_ray.jobs_api.book import FOLDER, FOLDER_KEY, ORDER, State
from synapse_ray.jobs_api.dashboard import Dashboard, JobInfo
from synapse_ray.jobs_api.reading import reader_of
from synapse_ray.jobs_api.submission import JobRequest, submit

_PATIENCE = 60.0
_LONGEST = 500


def order(dashboard: Dashboard, job_id: str, node: str, state: State, *, reason: str, grace: float) -> bool:
    """Tell a job to end within ``grace`` seconds; whether Ray took that.

    Returns when it was carried out, or could not be in a minute; whoever needs to be sure looks at the job itself.
    """
    errand = _errand(dashboard, job_id, node, _command(state.folder, reason[:_LONGEST], grace))
    with contextlib.suppress(SynapseError):  # no trace of it is left in the list of jobs
        if errand is not None:
            dashboard.delete(errand)
    return errand is not None


def clear(dashboard: Dashboard, info: JobInfo) -> list[str]:
    """Remove what a job that has ended has written down, where its node can be reached.

    Returns:
        The ids of the jobs that did so, which have ended.
    """
    folder = _folder_of(dashboard, info)
    if folder is None:
        return []
    errand = _errand(dashboard, info.id, str(info.node), f"rm -rf -- {shlex.quote(folder)}")
    return [] if errand is None else [errand]


def _folder_of(dashboard: Dashboard, info: JobInfo) -> str | None:
    """The job's folder on its node; None where that is out of reach, or another place is named.

    What names it is a file that the action could have written, too.
    """
    try:
        reader = reader_of(dashboard, info)
        state = reader.state() if reader is not None else None
    except (RayClusterError, ValueError, TypeError):
        return None
    path = PurePosixPath(state.folder) if state is not None else PurePosixPath()
    named = path.parts[-2:] == (FOLDER, info.metadata.get(FOLDER_KEY)) and ".." not in path.parts
    return str(path) if named else None


def _errand(dashboard: Dashboard, job_id: str, node: str, command: str) -> str | None:
    """Have a command carried out on a node, and wait for it: the id of the job that did; None if Ray takes none."""
    request = JobRequest(
        submission_id=f"{job_id}-order-{uuid.uuid4().hex[:8]}",
        entrypoint=command,
        metadata={"synapse_order_for": job_id},
        node=node,
    )
    try:
        submit(dashboard, request)
    except SynapseError:  # a Ray that cannot place a job on a node (before 2.54), among others
        return None
    with contextlib.suppress(SynapseError):
        _settle(dashboard, request.submission_id)
    return request.submission_id


def _command(folder: str, reason: str, grace: float) -> str:
    body, file = shlex.quote(json.dumps({"reason": reason, "grace": grace})), shlex.quote(f"{folder}/{ORDER}")
    return f"umask 077; printf %s {body} > {file}.new && mv {file}.new {file}"


def _settle(dashboard: Dashboard, errand: str) -> None:
    """Wait for an errand to end; one that takes too long is stopped."""
    deadline = time.monotonic() + _PATIENCE
    while not dashboard.job(errand).ended:
        if time.monotonic() > deadline:
            dashboard.stop(errand)
            return
        time.sleep(0.5)
