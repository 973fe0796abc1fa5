"""Where runs are kept, as a driver reaches them: `Home`, a service or the cluster itself."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from synapse_core.errors import RunNotFoundError
from synapse_core.session import Session
from synapse_ray.pipeline.cluster_store import ClusterStore
from synapse_ray.pipeline.cluster_watch import ClusterWatch
from synapse_ray.pipeline.place import head_node
from synapse_ray.pipeline.service import ServiceChoice, choose_service
from synapse_ray.placing import on_node

if TYPE_CHECKING:
    from synapse_ray.base import BaseRayExecutor


@frozen(eq=False)
class Home:
    """A store of runs, in a session of this process that hosts none of them.

    Attributes:
        service: the URL of the service; None where the cluster keeps its runs itself.
        session: with the store.
        cluster: on which the engines are.
    """

    service: str | None
    session: Session
    cluster: ClusterWatch

    @property
    def url(self) -> str:
        """The URL of the store, as other processes of this machine reach it."""
        return self.service or f"ray:{self.cluster.address}"

    def placed(self, resources: Mapping[str, float]) -> dict[str, Any]:
        """The options of an engine's actor that put it where it can be: with the cluster's file on the head node."""
        self.cluster.connect()
        if self.service is None:
            return {"scheduling_strategy": on_node(head_node())}
        return {"resources": dict(resources)} if resources else {}

    def close(self) -> None:
        """Let go of the store."""
        self.session.call(self.session.store.aclose())
        self.session.close()


class Homes:
    """The homes that an executor knows, each made when it is first needed.

    Args:
        base: the executor.
        said: which service is to keep the runs.
    """

    def __init__(self, base: BaseRayExecutor, said: str | ServiceChoice | None) -> None:
        self._base = base
        self._said = said
        self._lock = threading.RLock()
        self._own: Home | None = None
        self._made: dict[str | None, Home] = {}
        self._of: dict[str, Home] = {}

    @property
    def own(self) -> Home:
        """Where new runs are kept.

        Raises:
            StoreError: what was said of the service does not hold.
        """
        with self._lock:
            if self._own is None:
                self._own = self._home(choose_service(self._said))
            return self._own

    def of(self, run_id: str) -> Home:
        """Where a run is kept: in its own home, or where nothing was said of a service, maybe by the cluster.

        Raises:
            RunNotFoundError: there is no such run.
        """
        if run_id not in self._of:
            self._of[run_id] = self._found(run_id)
        return self._of[run_id]

    def _found(self, run_id: str) -> Home:
        own = self.own
        try:
            own.session.progress(run_id)
        except RunNotFoundError as error:
            if self._said is not ServiceChoice.IF_ANY or own.service is None:
                raise RunNotFoundError(error.message, hint=_elsewhere(own, run_id)) from error
            home = self._home(None)
            home.session.progress(run_id)
            return home
        return own

    def _home(self, service: str | None) -> Home:
        with self._lock:
            if service not in self._made:
                store = ClusterStore(self._base) if service is None else service
                watch = ClusterWatch(self._base, service or "a file on the cluster's head node")
                self._made[service] = Home(service, Session(store=store), watch)
            return self._made[service]

    def close(self) -> None:
        """Let go of all of them."""
        with self._lock:
            for home in self._made.values():
                home.close()
            self._made.clear()
            self._of.clear()


def _elsewhere(home: Home, run_id: str) -> str:
    """Where else the run may be kept; its engine says, while it lives."""
    store = home.cluster.store_of(run_id)
    if store is not None:
        return f"its engine keeps it in {store}: give that as pipeline_service_url="
    if home.service is None:
        return "the cluster does not keep it: give the service that does, pipeline_service_url="
    return "the service does not keep it: give pipeline_service_url=None if the cluster itself does"
