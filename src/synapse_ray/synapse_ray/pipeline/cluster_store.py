"""`ClusterStore`: the runs that a cluster keeps by itself, in a file on its head node."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from synapse_core.errors import StoreError
from synapse_core.events import Draft, Event
from synapse_core.models import Checkpoint, PipelineProgress, RunStatus
from synapse_core.protocols import Lease, RunRecord, RunSummary
from synapse_ray.pipeline.keeper import Batch
from synapse_ray.pipeline.link import KeeperLink, Link, asked_again

if TYPE_CHECKING:
    from synapse_ray.base import BaseRayExecutor

_POLL = 20.0
"""Seconds that one question for news waits on the cluster."""


class ClusterStore:
    """Remembers runs in an SQLite file on a cluster's head node, reached through Ray; safe on any threads and loops.

    What it keeps is lost with that node's disk. The whole cluster may be started anew on it without losing a run.

    Args:
        where: ``ray:auto``, ``ray:HOST:PORT`` or ``ray:ray://HOST:PORT``; or an executor whose connection it shares.
        link: the way to the file's keeper, if not the usual one.
    """

    def __init__(self, where: str | BaseRayExecutor = "ray:auto", *, link: Link | None = None) -> None:
        self._link: Link = link or KeeperLink(_base_of(where) if isinstance(where, str) else where)

    def __repr__(self) -> str:
        return f"ClusterStore({f'ray:{self._link.address}'!r})"

    async def _ask(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return (await self._link.call("ask", method, args, kwargs)).get()

    async def _read(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return await asked_again(lambda: self._ask(method, *args, **kwargs), self._link.patience)

    async def where(self) -> str:
        """The URL of the file, as it is on the head node."""
        return str(await self._link.call("where"))

    # -- writing ----------------------------------------------------------------------------------------------

    async def create(self, run: RunRecord, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint] = ()) -> int:
        """See `Store.create`."""
        return int(await self._ask("create", run, drafts, checkpoints))

    async def append(
        self,
        run_id: str,
        drafts: Sequence[Draft],
        *,
        checkpoints: Sequence[Checkpoint] = (),
        lease: Lease | None = None,
    ) -> int:
        """See `Store.append`."""
        return int(await self._ask("append", run_id, drafts, checkpoints=checkpoints, lease=lease))

    async def delete(self, run_id: str) -> None:
        """See `Store.delete`."""
        await self._ask("delete", run_id)

    # -- reading ----------------------------------------------------------------------------------------------

    async def record(self, run_id: str) -> RunRecord:
        """See `Store.record`."""
        found: RunRecord = await self._read("record", run_id)
        return found

    async def read(
        self,
        run_id: str,
        *,
        after: int = 0,
        limit: int = 1000,
        kinds: Collection[str] | None = None,
        action: str | None = None,
    ) -> list[Event]:
        """See `Store.read`."""
        found: list[Event] = await self._read("read", run_id, after=after, limit=limit, kinds=kinds, action=action)
        return found

    async def progress(self, run_id: str) -> PipelineProgress:
        """See `Store.progress`."""
        found: PipelineProgress = await self._read("progress", run_id)
        return found

    async def list_runs(
        self,
        *,
        status: RunStatus | None = None,
        name: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> Sequence[RunSummary]:
        """See `Store.list_runs`."""
        wanted = {"status": status, "name": name, "since": since, "limit": limit, "before": before}
        found: Sequence[RunSummary] = await self._read("list_runs", **wanted)
        return found

    async def checkpoints(self, run_id: str) -> Sequence[Checkpoint]:
        """See `Store.checkpoints`."""
        found: Sequence[Checkpoint] = await self._read("checkpoints", run_id)
        return found

    # -- leases -----------------------------------------------------------------------------------------------

    async def acquire(self, run_id: str, owner: str, ttl: float, *, over: Lease | None = None) -> Lease:
        """See `Store.acquire`."""
        found: Lease = await self._ask("acquire", run_id, owner, ttl, over=over)
        return found

    async def renew(self, lease: Lease, ttl: float) -> Lease:
        """See `Store.renew`."""
        found: Lease = await self._read("renew", lease, ttl)
        return found

    async def lease(self, run_id: str) -> Lease | None:
        """See `Store.lease`."""
        found: Lease | None = await self._read("lease", run_id)
        return found

    async def release(self, lease: Lease) -> None:
        """See `Store.release`."""
        await self._read("release", lease)

    # -- watching ---------------------------------------------------------------------------------------------

    async def watch(
        self, run_id: str, *, after: int = 0, kinds: Collection[str] | None = None
    ) -> AsyncIterator[list[Event]]:
        """See `Store.watch`."""
        while True:
            batch = await asked_again(partial(self._poll, run_id, after, kinds), self._link.patience)
            if batch.events:
                after = batch.events[-1].seq
                yield batch.events
            if batch.ended:
                return

    async def _poll(self, run_id: str, after: int, kinds: Collection[str] | None) -> Batch:
        found: Batch = (await self._link.call("poll", run_id, after, kinds, _POLL, waits=_POLL)).get()
        return found

    async def aclose(self) -> None:
        """Let go of what was started on the cluster for this store."""
        self._link.close()


def _base_of(url: str) -> BaseRayExecutor:
    from synapse_ray.base import BaseRayExecutor

    scheme, _, address = url.partition(":")
    if scheme != "ray" or address.startswith("/"):
        raise StoreError(f"{url!r} names no cluster", hint="write ray:auto, ray:HOST:PORT or ray:ray://HOST:PORT")
    return BaseRayExecutor(ray_address=address or "auto")
