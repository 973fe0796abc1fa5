"""Ray's dashboard over HTTP: `Dashboard`. Every question has a deadline, and every trouble a message.

Jobs are asked for by Ray's Jobs REST API, and submitted by its `JobSubmissionClient`, which also brings packages there.
Files of a node's log folder are read the way ``ray logs`` does; they are never followed (``/api/v0/logs/stream``), as
the dashboard does not notice when a follower leaves, and a hundred of them keep it from answering anybody.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from attrs import field, frozen

from synapse_ray.errors import AUTH_HINT, ClusterAuthError, ClusterUnreachableError, RayClusterError
from synapse_ray.jobs_api.errors import JobNotFoundError, NodeGoneError
from synapse_ray.jobs_api.token import headers

if TYPE_CHECKING:
    from requests import Response

ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})

_AFTERMATH = 2.5
_DELETES = 5
"""In how many pieces that is waited out: a machine that stands still, Ray and all, costs one of them."""

_CONNECT = 3.05
_ANSWER = 20.0
_FILE_SECONDS = 600

_NO_FILE = "file is not found"
_NO_NODE = "Agent for node id"


@frozen
class JobInfo:
    """What Ray knows of a job.

    Attributes:
        id: the submission id.
        status: PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED.
        message, error_type: what Ray says to that.
        entrypoint: the command.
        metadata: what it was submitted with.
        node: the id of the node that it runs on; None before it does.
        exit_code: of the command, once it has ended.
        start_time, end_time: milliseconds since 1970.
    """

    id: str
    status: str
    message: str = ""
    error_type: str = ""
    entrypoint: str = ""
    metadata: Mapping[str, str] = field(factory=dict)
    node: str | None = None
    exit_code: int | None = None
    start_time: int | None = None
    end_time: int | None = None

    @property
    def ended(self) -> bool:
        """Whether its status is its last."""
        return self.status in ENDED


class Dashboard:
    """A cluster's dashboard.

    Args:
        address: ``http://host:8265``.
    """

    def __init__(self, address: str) -> None:
        self.address = (address if "://" in address else f"http://{address}").rstrip("/")
        self._head: str | None = None

    # -- jobs -------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Say within seconds if nobody is there.

        Raises:
            ClusterUnreachableError: no dashboard with a Jobs API answers at the address.
            ClusterAuthError: it wants a token.
        """
        self._json("GET", "/api/version")

    def job(self, job_id: str) -> JobInfo:
        """What Ray knows of a job.

        Raises:
            JobNotFoundError: it knows none of that id.
        """
        return _info(self._json("GET", f"/api/jobs/{quote(job_id, safe='')}", job_id=job_id))

    def jobs(self) -> list[JobInfo]:
        """All that were submitted, the newest first."""
        found = [_info(data) for data in self._json("GET", "/api/jobs/") if data.get("submission_id")]
        return sorted(found, key=lambda info: info.start_time or 0, reverse=True)

    def stop(self, job_id: str) -> bool:
        """Have Ray stop a job (SIGTERM, and later SIGKILL); whether it ran.

        Raises:
            JobNotFoundError: there is none of that id.
        """
        return bool(self._json("POST", f"/api/jobs/{quote(job_id, safe='')}/stop", job_id=job_id)["stopped"])

    def delete(self, job_id: str, *more: str) -> bool:
        """Have Ray forget a job that has ended, and ``more``, if it knows them; whether it has forgotten the first.

        Raises:
            JobNotFoundError: there is none of that id.
        """
        deleted = self._delete(job_id)
        # Ray looks after a job a little longer, once a second; if it is gone then, it is noted down as one that failed.
        for _ in range(_DELETES):
            time.sleep(_AFTERMATH / _DELETES)
            for each in (job_id, *more):
                with contextlib.suppress(JobNotFoundError):
                    self._delete(each)
        return deleted

    def _delete(self, job_id: str) -> bool:
        return bool(self._json("DELETE", f"/api/jobs/{quote(job_id, safe='')}", job_id=job_id)["deleted"])

    # -- nodes and their files --------------------------------------------------------------------------------

    def nodes(self) -> list[dict[str, Any]]:
        """The nodes that live: ``node_id``, ``is_head_node``, ``resources_total``."""
        told = self._json("GET", "/api/v0/nodes", params={"limit": 10_000, "detail": 1})
        return [node for node in told["data"]["result"]["result"] if node["state"] == "ALIVE"]

    def amounts(self) -> list[dict[str, float]]:
        """What each node has in all: ``CPU``, ``GPU``, ``memory`` (bytes) and custom resources."""
        return [dict(node["resources_total"]) for node in self.nodes()]

    def head(self) -> str:
        """The id of the head node."""
        if self._head is None:
            self._head = next((str(node["node_id"]) for node in self.nodes() if node["is_head_node"]), "")
        return self._head

    def file(self, node: str, name: str, lines: int = -1) -> bytes | None:
        """A file of a node's log folder: its last ``lines`` lines, all if -1; None where there is none of that name.

        Raises:
            NodeGoneError: the node is gone.
        """
        params = {"node_id": node, "filename": name, "lines": lines, "timeout": _FILE_SECONDS}
        response = self._ask("GET", "/api/v0/logs/file", params=params)
        if response.status_code == 200:
            return response.content
        text = response.text
        if _NO_FILE in text:
            return None
        if _NO_NODE in text or not self._lives(node):
            raise NodeGoneError(
                f"the node {node} of the cluster at {self.address} is gone, and its files with it",
                hint="submit the action anew; a pipeline's results are in its store, and outlast the nodes",
            )
        raise self._trouble(response)

    def _lives(self, node: str) -> bool:
        """Whether the cluster counts on the node; Ray goes on asking the agent of one that is gone for a while."""
        return any(each["node_id"] == node for each in self.nodes())

    # -- asking -----------------------------------------------------------------------------------------------

    def _json(self, method: str, path: str, *, params: Mapping[str, Any] | None = None, job_id: str = "") -> Any:
        response = self._ask(method, path, params=params)
        if response.status_code == 404 and job_id and "does not exist" in response.text:
            raise JobNotFoundError(
                f"no job {job_id!r} on the cluster at {self.address}",
                hint="it was deleted, or is another cluster's, or the cluster has been started anew since",
            )
        if response.status_code != 200 or "json" not in response.headers.get("Content-Type", ""):
            raise self._trouble(response)
        return response.json()

    def _ask(self, method: str, path: str, *, params: Mapping[str, Any] | None = None) -> Response:
        import requests

        try:
            return requests.request(
                method, self.address + path, params=params, headers=headers(), timeout=(_CONNECT, _ANSWER)
            )
        except requests.RequestException as error:
            raise ClusterUnreachableError(
                f"Ray's dashboard does not answer at {self.address}: {_reason(error)}",
                hint="start the cluster with one (pip install 'ray[default]'; ray start --head), "
                "or say where it is: dashboard_address='http://HOST:8265'",
            ) from error

    def _trouble(self, response: Response) -> RayClusterError:
        if response.status_code in {401, 403}:
            return ClusterAuthError(
                f"the Ray cluster at {self.address} refused this process: {response.text}", hint=AUTH_HINT
            )
        if response.status_code in {200, 404, 405}:
            hint = "its default is http://localhost:8265; the cluster needs `pip install 'ray[default]'`"
            return ClusterUnreachableError(f"what answers at {self.address} has no Jobs API of Ray", hint=hint)
        last = response.text.strip().rpartition("\n")[2]
        return RayClusterError(
            f"Ray's dashboard at {self.address} failed (HTTP {response.status_code}): {last}",
            hint="its own log says more: session_latest/logs/dashboard.log in Ray's temp folder on the head node",
        )


def _reason(error: Exception) -> str:
    """The innermost reason: what stands around it says nothing more."""
    text = str(error)
    if "BadStatusLine" in text:
        return "what listens there speaks no HTTP"
    for part in ("Connection refused", "timed out", "Name or service not known", "No route to host"):
        if part in text:
            return part
    return text


def _info(data: Mapping[str, Any]) -> JobInfo:
    return JobInfo(
        id=data["submission_id"] or data["job_id"],
        status=data["status"],
        message=data.get("message") or "",
        error_type=data.get("error_type") or "",
        entrypoint=data.get("entrypoint") or "",
        metadata=data.get("metadata") or {},
        node=data.get("driver_node_id"),
        exit_code=data.get("driver_exit_code"),
        start_time=data.get("start_time"),
        end_time=data.get("end_time"),
    )
