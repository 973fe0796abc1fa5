"""`Vigil`: looks, while somebody waits for a run, whether there is still something to wait for."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from synapse_core.errors import ExecutionError, StoreUnavailableError, SynapseError
from synapse_core.events import now
from synapse_core.models import PipelineProgress
from synapse_core.protocols import Store
from synapse_ray.errors import ClusterUnreachableError

if TYPE_CHECKING:
    from synapse_ray.pipeline.cluster_watch import ClusterWatch

_log = logging.getLogger("synapse_ray.pipeline")

_GONE = 15.0
"""Seconds of silence after which a cluster is given up: after a minute of it Ray ends all processes, this one too."""

_KNOWN = 10.0
"""Seconds that a store has to say how far a run is, for the error that ends the waiting."""

_AWAY = 120.0
"""Seconds of silence after which a store is given up; an engine waits for half as long with what it has to write."""


class Vigil:
    """Looks after one run for one who waits for it.

    Args:
        store: which has the run.
        cluster: where it runs.
        run_id: the run.
        pause: seconds between two looks.
    """

    def __init__(self, store: Store, cluster: ClusterWatch, run_id: str, pause: float) -> None:
        self._store = store
        self._cluster = cluster
        self._run_id = run_id
        self._pause = pause
        self._since: dict[str, float] = {}

    async def keep(self) -> None:
        """Look for ever.

        Raises:
            ClusterUnreachableError: the cluster does not answer any more.
            StoreUnavailableError: nor does the store.
            ExecutionError: nobody runs the run, and nobody is going to.
        """
        while True:
            await asyncio.sleep(self._pause)
            await self._check_cluster()
            await self._check_run()

    async def _check_cluster(self) -> None:
        await self._judge("cluster", await asyncio.to_thread(self._cluster.silent))

    async def _judge(self, what: str, why: str | None) -> None:
        if self._lasts(what, why) > _GONE:
            raise ClusterUnreachableError(
                f"run {self._run_id}: its cluster has not answered for {_GONE:g} s ({why}); {await self._known()}",
                hint=self._cluster.resumable(self._run_id),
            )

    async def _check_run(self) -> None:
        try:
            lease = await self._store.lease(self._run_id)
            self._lasts("store", None)
        except StoreUnavailableError as error:
            if self._lasts("store", error.message) > _AWAY:
                raise
            return
        if lease is None or lease.expires_at <= now():
            await self._check_engine()

    async def _check_engine(self) -> None:
        try:
            if await asyncio.to_thread(self._cluster.has_engine, self._run_id):
                return
            self._lasts("cluster of its engine", None)
        except SynapseError as error:
            await self._judge("cluster of its engine", error.message)
            return
        if (await self._store.progress(self._run_id)).status.is_terminal():
            return
        lease = await self._store.lease(self._run_id)
        if lease is None or lease.expires_at <= now():
            raise ExecutionError(
                f"nobody runs run {self._run_id} any more: its engine is gone from the cluster; {await self._known()}",
                run_id=self._run_id,
                hint=self._cluster.resumable(self._run_id),
            )

    def _lasts(self, what: str, why: str | None) -> float:
        """For how many seconds something has been wrong; told once, when it begins."""
        if why is None:
            self._since.pop(what, None)
            return 0.0
        if what not in self._since:
            _log.warning("run %s: the %s does not answer: %s", self._run_id, what, why)
        return time.monotonic() - self._since.setdefault(what, time.monotonic())

    async def _known(self) -> str:
        try:
            return stands(await asyncio.wait_for(self._store.progress(self._run_id), _KNOWN))
        except (StoreUnavailableError, TimeoutError):
            return "how far it is cannot be known, as its store does not answer either"


def stands(progress: PipelineProgress) -> str:
    """How far a run is, in words."""
    done = [action.name for action in progress.progress if action.status.is_terminal()]
    ended = f"{len(done)} of {len(progress.progress)} actions have ended" + (f" ({', '.join(done)})" if done else "")
    return f"it is {progress.status}, {ended}"
