"""`MemoryStore`: the store for runs that need not outlive their process."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import UTC, datetime, timedelta

from attrs import evolve

from synapse_core.builtin.memory.log import EventLog
from synapse_core.builtin.memory.run import UNFOLDED, Run, Watcher
from synapse_core.errors import LeaseLostError, RunNotFoundError, StoreError, unknown
from synapse_core.events import RUN_ENDED, Draft, Event
from synapse_core.models import Checkpoint, PipelineProgress, RunStatus
from synapse_core.protocols import Lease, RunRecord, RunSummary, claimable


class MemoryStore:
    """Remembers runs of this process; safe to use from several threads and loops.

    The ``*_now`` methods are the store itself; the protocol's coroutines call them and never wait.

    Args:
        max_runs: how many ended runs are remembered; the oldest that nobody watches are forgotten first.
    """

    waits = False

    def __init__(self, max_runs: int = 1000) -> None:
        self._max_runs = max_runs
        self._runs: dict[str, Run] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.RLock()

    # -- the store itself -------------------------------------------------------------------------------------

    def create_now(self, run: RunRecord, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint] = ()) -> int:
        """See `Store.create`."""
        with self._lock:
            if run.id in self._runs:
                raise StoreError(f"there is a run {run.id!r} already")
            self._runs[run.id] = Run(run, EventLog(run.id))
            return self.append_now(run.id, drafts, checkpoints)

    def append_now(
        self,
        run_id: str,
        drafts: Sequence[Draft],
        checkpoints: Sequence[Checkpoint] = (),
        lease: Lease | None = None,
    ) -> int:
        """See `Store.append`."""
        with self._lock:
            run = self._run(run_id)
            if lease is not None:
                self._fence(run, lease)
            run.log.extend(drafts)
            run.checkpoints.extend(checkpoints)
            seq = len(run.log)
            if seq - run.folded > UNFOLDED:
                run.fold()
            if drafts and drafts[-1].kind in RUN_ENDED:
                self._end(run)
            for watcher in run.watchers:
                watcher.tell(drafts, run.ended)
            return seq

    def _end(self, run: Run) -> None:
        run.ended = True
        self._ended[run.record.id] = None
        while len(self._ended) > self._max_runs:
            oldest = next((run_id for run_id in self._ended if not self._runs[run_id].watchers), None)
            if oldest is None:
                return
            self._forget(self._runs[oldest])

    def _forget(self, run: Run) -> None:
        self._ended.pop(run.record.id, None)
        del self._runs[run.record.id]
        run.log.close()
        for watcher in run.watchers:
            watcher.wake()

    def _run(self, run_id: str) -> Run:
        run = self._runs.get(run_id)
        if run is None:
            raise RunNotFoundError(unknown("run", run_id, list(self._runs)[-5:]))
        return run

    @staticmethod
    def _fence(run: Run, lease: Lease) -> None:
        if lease.epoch != run.epoch:
            raise LeaseLostError(
                f"run {lease.run_id}: the lease of {lease.owner} (epoch {lease.epoch}) is lost to epoch {run.epoch}",
                lease=run.lease,
            )

    # -- the protocol -----------------------------------------------------------------------------------------

    async def create(self, run: RunRecord, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint] = ()) -> int:
        """See `Store.create`."""
        return self.create_now(run, drafts, checkpoints)

    async def append(
        self,
        run_id: str,
        drafts: Sequence[Draft],
        *,
        checkpoints: Sequence[Checkpoint] = (),
        lease: Lease | None = None,
    ) -> int:
        """See `Store.append`."""
        return self.append_now(run_id, drafts, checkpoints, lease)

    async def record(self, run_id: str) -> RunRecord:
        """See `Store.record`."""
        with self._lock:
            return self._run(run_id).record

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
        with self._lock:
            return self._run(run_id).log.read(after, limit, kinds, action)

    async def progress(self, run_id: str) -> PipelineProgress:
        """See `Store.progress`."""
        with self._lock:
            return self._run(run_id).fold().snapshot()

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
        with self._lock:
            found: list[RunSummary] = []
            for run_id in sorted(self._runs, reverse=True):
                if before is not None and run_id >= before:
                    continue
                summary = _summary(self._runs[run_id])
                if _matches(summary, status, name, since):
                    found.append(summary)
                    if len(found) >= limit:
                        break
            return found

    async def checkpoints(self, run_id: str) -> Sequence[Checkpoint]:
        """See `Store.checkpoints`."""
        with self._lock:
            return tuple(self._run(run_id).checkpoints)

    async def acquire(self, run_id: str, owner: str, ttl: float, *, over: Lease | None = None) -> Lease:
        """See `Store.acquire`."""
        with self._lock:
            run = self._run(run_id)
            held = run.lease
            if held is not None and not claimable(held, owner, over):
                raise LeaseLostError(
                    f"{held.owner} runs {run_id}, until {held.expires_at:%H:%M:%S} UTC at least", lease=held
                )
            run.epoch += 1
            run.lease = Lease(run_id, owner, run.epoch, datetime.now(UTC) + timedelta(seconds=ttl))
            return run.lease

    async def renew(self, lease: Lease, ttl: float) -> Lease:
        """See `Store.renew`."""
        with self._lock:
            run = self._run(lease.run_id)
            self._fence(run, lease)
            run.lease = evolve(lease, expires_at=datetime.now(UTC) + timedelta(seconds=ttl))
            return run.lease

    async def lease(self, run_id: str) -> Lease | None:
        """See `Store.lease`."""
        with self._lock:
            return self._run(run_id).lease

    async def release(self, lease: Lease) -> None:
        """See `Store.release`."""
        with self._lock:
            run = self._runs.get(lease.run_id)
            if run is not None and run.epoch == lease.epoch:
                run.lease = None

    async def watch(
        self, run_id: str, *, after: int = 0, kinds: Collection[str] | None = None
    ) -> AsyncIterator[list[Event]]:
        """See `Store.watch`."""
        watcher = Watcher(asyncio.get_running_loop(), after, kinds)
        with self._lock:
            run = self._run(run_id)
            run.watchers.append(watcher)
        try:
            while True:
                watcher.news.clear()
                with self._lock:
                    if self._runs.get(run_id) is not run:
                        raise RunNotFoundError(f"run {run_id!r} was deleted while it was watched")
                    batch, ended = watcher.take(run.log), run.ended
                if batch:
                    yield batch
                elif ended:
                    return
                else:
                    await watcher.news.wait()
        finally:
            with self._lock:
                run.watchers.remove(watcher)

    async def delete(self, run_id: str) -> None:
        """See `Store.delete`."""
        with self._lock:
            run = self._run(run_id)
            if not run.ended and run.lease is not None and run.lease.expires_at > datetime.now(UTC):
                raise StoreError(f"run {run_id} is being run", hint="cancel it first")
            self._forget(run)

    async def aclose(self) -> None:
        """Nothing waits to be written; the files of long runs are freed."""
        with self._lock:
            for run in self._runs.values():
                run.log.close()


def _summary(run: Run) -> RunSummary:
    state = run.fold().outline()
    return RunSummary(
        run.record.id,
        run.record.name,
        state.status,
        run.record.created_at,
        state.started_at,
        state.completed_at,
        state.error,
        state.overall_progress,
        run.record.pipeline_id,
    )


def _matches(summary: RunSummary, status: RunStatus | None, name: str | None, since: datetime | None) -> bool:
    return (
        (status is None or summary.status == status)
        and (name is None or summary.name == name)
        and (since is None or summary.created_at >= since)
    )
