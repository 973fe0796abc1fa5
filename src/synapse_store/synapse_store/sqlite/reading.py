"""What is read of runs: their records, events, checkpoints, leases and states (`Reading`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import NamedTuple

from attrs import evolve

from synapse_core.errors import RunNotFoundError, unknown
from synapse_core.events import Event
from synapse_core.fold import Folding
from synapse_core.models import Checkpoint, PipelineProgress
from synapse_core.protocols import Lease, RunRecord
from synapse_store.sqlite.folds import Folds
from synapse_store.sqlite.ledger import ENDED, News
from synapse_store.sqlite.readers import Query, Reader, Readers
from synapse_store.sqlite.rows import EVENT_COLUMNS, checkpoint_of, event_of, lease_of, placeholders, record_of
from synapse_store.sqlite.states import CHANGE_KINDS, Folded, state_of
from synapse_store.sqlite.watch import Hub

_PAGE = 1_000
_ALL = 2**62


class _Head(NamedTuple):
    """How far a run is; ``stored`` is how far the newest stored state of it goes."""

    key: int
    seq: int
    status: str
    stored: int


_RECORD = Query("SELECT record FROM records JOIN runs ON run = key WHERE id = ?", record_of)
_CHECKPOINTS = Query(
    "SELECT checkpoint FROM checkpoints JOIN runs ON run = key WHERE id = ? ORDER BY number", checkpoint_of
)
_LEASE = Query("SELECT id, owner, epoch, expires_at FROM runs WHERE id = ?", lambda row, _: (lease_of(*row),))
_HEAD = Query(
    "SELECT key, runs.seq, status, coalesce(states.seq, 0) FROM runs LEFT JOIN states ON run = key WHERE id = ?",
    lambda row, _: _Head(*row),
)
_STATE = Query(
    "SELECT run, seq, state FROM states WHERE run = ?",
    lambda row, _: Folded(row[0], row[1], Folding(state_of(row[2]))),
)
_NEWEST = Query("SELECT id FROM runs ORDER BY id DESC LIMIT 5", lambda row, _: str(row[0]))


class Reading:
    """Reads one file's runs.

    Args:
        readers: the connections.
        hub: who waits for events.

    Attributes:
        folds: the states that are known.
    """

    def __init__(self, readers: Readers, hub: Hub) -> None:
        self._readers = readers
        self._hub = hub
        self.folds = Folds()

    async def record(self, run_id: str) -> RunRecord:
        """See `Store.record`."""
        found = await self._readers.one(_RECORD, run_id)
        if found is None:
            raise await self._no_such_run(run_id)
        return found

    async def checkpoints(self, run_id: str) -> Sequence[Checkpoint]:
        """See `Store.checkpoints`."""
        found = await self._readers.fetch(_CHECKPOINTS, run_id)
        if not found:
            await self._head(run_id)
        return tuple(found)

    async def lease(self, run_id: str) -> Lease | None:
        """See `Store.lease`."""
        found = await self._readers.one(_LEASE, run_id)
        if found is None:
            raise await self._no_such_run(run_id)
        return found[0]

    async def events(
        self,
        run_id: str,
        *,
        after: int = 0,
        until: int = _ALL,
        limit: int = _PAGE,
        kinds: Collection[str] | None = None,
        action: str | None = None,
    ) -> list[Event]:
        """See `Store.read`; none after ``until``."""
        wanted = None if kinds is None else sorted(map(str, kinds))
        query = _events(None if wanted is None else len(wanted), action is not None)
        more = [] if action is None else [action]
        found = await self._readers.fetch(query, run_id, after, until, *(wanted or ()), *more, limit)
        if not found and until == _ALL:
            await self._head(run_id)
        return found

    # -- state ------------------------------------------------------------------------------------------------

    async def progress(self, run_id: str) -> PipelineProgress:
        """See `Store.progress`: goes on from what was folded before, here or by the writer."""
        found = await self._readers.work(lambda reader: self._fold(reader, run_id))
        if found is None:
            raise await self._no_such_run(run_id)
        return found

    def _fold(self, reader: Reader, run_id: str) -> PipelineProgress | None:
        head = reader.one(_HEAD, run_id)
        if head is None:
            return None
        folded = self._from_before(reader, run_id, head)
        folding, seq = folded.folding, folded.seq
        while seq < head.seq:
            events = reader.execute(_CHANGES, (run_id, seq, head.seq, *CHANGE_KINDS, _PAGE))
            for event in events:
                folding.apply(event)
            seq = events[-1].seq if len(events) == _PAGE else head.seq
        self.folds.keep(run_id, Folded(head.key, seq, folding))
        return evolve(folding.snapshot(), seq=seq)

    def _from_before(self, reader: Reader, run_id: str, head: _Head) -> Folded:
        """What is known already."""
        known = self.folds.take(run_id)
        if known is not None and known.key == head.key and head.stored <= known.seq <= head.seq:
            return known
        if head.stored:
            stored = reader.one(_STATE, head.key)
            if stored is not None and stored.seq <= head.seq:
                return stored
        return Folded(head.key, 0, Folding())

    def take(self, news: Sequence[News]) -> None:
        """Keep the states of runs that this process has ended: somebody has waited for them, most likely."""
        for each in news:
            if each.final is not None:
                self.folds.keep(each.run_id, each.final)

    # -- watching ---------------------------------------------------------------------------------------------

    async def watch(self, run_id: str, after: int, kinds: Collection[str] | None) -> AsyncIterator[list[Event]]:
        """See `Store.watch`."""
        with self._hub.watching(run_id, after, kinds) as watcher:
            if not watcher.informed:
                head = await self._head(run_id)
                watcher.found(head.seq, head.status in ENDED)
            while True:
                watcher.news.clear()
                over, top = watcher.over, watcher.top
                after = max(after, watcher.seen)
                while after < top:
                    batch = await self.events(run_id, after=after, until=top, kinds=kinds)
                    after = watcher.seen = batch[-1].seq if len(batch) == _PAGE else top
                    if batch:
                        yield batch
                if watcher.gone:
                    raise RunNotFoundError(f"run {run_id!r} was deleted while it was watched")
                if over:
                    return
                await watcher.news.wait()
                self._readers.database.check()

    # -- runs that are not there ------------------------------------------------------------------------------

    async def _head(self, run_id: str) -> _Head:
        head = await self._readers.one(_HEAD, run_id)
        if head is None:
            raise await self._no_such_run(run_id)
        return head

    async def _no_such_run(self, run_id: str) -> RunNotFoundError:
        return RunNotFoundError(unknown("run", run_id, await self._readers.fetch(_NEWEST)))


def _events(kinds: int | None, by_action: bool) -> Query[Event]:
    """The query for events, of so many kinds (of all, if None)."""
    kind = "" if kinds is None else f" AND kind IN {placeholders(range(kinds))}"
    action = " AND action = ?" if by_action else ""
    return Query(
        f"SELECT id, {EVENT_COLUMNS} FROM events JOIN runs ON run = key "  # noqa: S608  built of constants
        f"WHERE id = ? AND events.seq > ? AND events.seq <= ?{kind}{action} ORDER BY events.seq LIMIT ?",
        event_of,
    )


_CHANGES = _events(len(CHANGE_KINDS), by_action=False)
