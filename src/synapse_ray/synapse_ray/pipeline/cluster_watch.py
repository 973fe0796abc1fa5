"""`ClusterWatch`: what can be known of a cluster, and of the engines on it, without waiting for long."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from synapse_core.errors import SynapseError
from synapse_ray.names import NAMESPACE
from synapse_ray.pipeline.orders import engine_name
from synapse_ray.probing import Endpoint, probe

if TYPE_CHECKING:
    from synapse_ray.base import BaseRayExecutor
    from synapse_ray.cluster import Cluster


_ANSWER = 5.0


class ClusterWatch:
    """Looks at the cluster of an executor; it is connected to only where that cannot be avoided.

    Args:
        base: whose cluster it is.
        kept: where its runs are kept, in words.
    """

    def __init__(self, base: BaseRayExecutor, kept: str) -> None:
        self._base = base
        self._kept = kept

    def silent(self) -> str | None:
        """Why the cluster's head does not answer; None if it does, or this process is not connected to it."""
        if not self._is_connected():
            return None
        try:
            check_head(self.connect())
        except SynapseError as error:
            return error.message
        return None

    def _is_connected(self) -> bool:
        ray = sys.modules.get("ray")
        if ray is None or not ray.is_initialized():
            return False
        try:
            self.connect()
        except SynapseError:  # to another one
            return False
        return True

    def has_engine(self, run_id: str) -> bool:
        """Whether the cluster has an engine for the run, alive or to be restarted.

        Raises:
            RayClusterError: that cannot be told.
        """
        check_head(self.connect())
        import ray

        try:
            ray.get_actor(engine_name(run_id), namespace=NAMESPACE)
        except ValueError:
            return False
        return True

    def store_of(self, run_id: str) -> str | None:
        """Where the engine of a run keeps it; None where that cannot be told."""
        import ray

        try:
            check_head(self.connect())
            engine: Any = ray.get_actor(engine_name(run_id), namespace=NAMESPACE)
            where: Any = ray.get(engine.where.remote(), timeout=_ANSWER)
        except Exception:  # noqa: BLE001  it is asked for a hint only
            return None
        return str(where["store"])

    @property
    def address(self) -> str:
        """The address by which any process here reaches the cluster."""
        cluster = self.connect()
        return cluster.address if cluster.is_client else cluster.gcs_address

    def connect(self) -> Cluster:
        """The cluster, connected to.

        Raises:
            RayClusterError: it cannot be.
        """
        return self._base.connect()

    def resumable(self, run_id: str) -> str:
        """What can be done about a run that nobody runs any more."""
        return (
            f"its completed actions are kept in {self._kept}: `recover({run_id!r})` goes on with it on this "
            f"cluster, and submit(…, resume_from={run_id!r}) in a new run; one that a service keeps can be "
            "resumed on another cluster, too, or without any"
        )


def check_head(cluster: Cluster) -> None:
    """Return if the cluster's head answers; a call of Ray's waits for it until Ray ends the process.

    Raises:
        ClusterUnreachableError: it does not.
    """
    probe(Endpoint.of(cluster.address if cluster.is_client else cluster.gcs_address))
