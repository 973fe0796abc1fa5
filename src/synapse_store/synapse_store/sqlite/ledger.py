"""What is done to the tables within one write transaction: `Ledger`.

Each method checks all that it may refuse before it writes anything, so that a refusal harms nobody who shares the
transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from attrs import define, evolve, field

from synapse_core.errors import LeaseLostError, RunNotFoundError, StoreError, unknown
from synapse_core.events import Draft
from synapse_core.fold import CHANGES
from synapse_core.models import Checkpoint, PipelineProgress, RunStatus
from synapse_core.protocols import Lease, RunRecord, claimable
from synapse_store.once import Batch, check
from synapse_store.sqlite.blobs import Blob, Blobs, discard
from synapse_store.sqlite.bulk import Bulk
from synapse_store.sqlite.rows import Encoder, EventRow, event_read, lease_of, loader
from synapse_store.sqlite.states import Folded, RunState, States, store_state
from synapse_store.sqlite.values import legible, maybe_micros, micros

ENDED = frozenset(status.value for status in RunStatus if status.is_terminal())

_FIND = "SELECT key, seq, status, epoch, owner, expires_at FROM runs WHERE id = ?"
_ADD_RUN = "INSERT INTO runs (id, name, pipeline_id, created_at) VALUES (?, ?, ?, ?)"
_ADD_CHECKPOINT = (
    "INSERT INTO checkpoints VALUES (?, (SELECT coalesce(max(number), 0) + 1 FROM checkpoints WHERE run = ?), ?)"
)
_PRODUCER = "SELECT epoch, seq, last FROM producers WHERE run = ? AND name = ?"
_CHANGE = "UPDATE runs SET seq = ?, progress = ?, status = ?, started_at = ?, completed_at = ?, error = ? WHERE key = ?"
_LEASE = "UPDATE runs SET owner = ?, epoch = ?, expires_at = ? WHERE key = ?"


_MOST_KNOWN = 4_000

Taken = tuple[int, int, int]
"""Of a producer's last batch: its epoch and number, and the run's last event then."""


class _Run(NamedTuple):
    """A row of `_FIND`."""

    key: int
    seq: int
    status: str
    epoch: int
    owner: str | None
    expires_at: int | None

    def at(self, seq: int, status: str) -> _Run:
        return _Run(self.key, seq, status, self.epoch, self.owner, self.expires_at)

    def lease(self, run_id: str) -> Lease | None:
        return lease_of(run_id, self.owner, self.epoch, self.expires_at)


@define(eq=False)
class Entry:
    """Events and checkpoints of a run, made ready to be written.

    Attributes:
        rows, texts: the columns of ``drafts``, and the checkpoints as text.
        spilled: the files of values that are too large for the database.
    """

    run_id: str
    drafts: Sequence[Draft]
    rows: Sequence[EventRow]
    texts: Sequence[str]
    spilled: Sequence[Blob]
    record: str | None = None

    @classmethod
    def make(
        cls,
        blobs: Blobs,
        run_id: str,
        drafts: Sequence[Draft],
        checkpoints: Sequence[Checkpoint],
        run: RunRecord | None = None,
    ) -> Entry:
        """Encode what is to be written.

        Raises:
            StoreError: something is no JSON data.
            OSError: a large value cannot be written to its file.
        """
        encoder = Encoder(blobs)
        try:
            record = None if run is None else encoder.record(run)
            texts = [encoder.checkpoint(each) for each in checkpoints]
            return cls(run_id, drafts, encoder.events(drafts), texts, encoder.spilled, record)
        except BaseException:
            discard(encoder.spilled)
            raise

    def discard(self) -> None:
        """Let go of the files' parts, once the transaction is over."""
        if self.spilled:
            discard(self.spilled)


class News(NamedTuple):
    """What was added to a run's log: the events after ``before`` up to ``last``; or that the run is ``gone``.

    ``final``: the state that an ended run was left in.
    """

    run_id: str
    before: int
    last: int
    kinds: frozenset[str]
    ended: bool
    gone: bool = False
    final: Folded | None = None


@define(eq=False)
class Ledger:
    """The tables, to be used by one thread at a time, within a transaction.

    Attributes:
        news: what was added since the transaction began.
        orphans: hashes of files that may have no run any more.
    """

    connection: sqlite3.Connection
    blobs: Blobs
    news: list[News] = field(factory=list)
    orphans: list[str] = field(factory=list)
    _bulk: Bulk = field(init=False)
    _states: States = field(init=False)
    _runs: dict[str, _Run] = field(factory=dict)
    _producers: dict[tuple[int, str], Taken] = field(factory=dict)
    _version: int | None = None

    def __attrs_post_init__(self) -> None:
        self._bulk = Bulk(self.connection)
        self._states = States(loader(self.blobs))

    def begun(self) -> None:
        """A transaction has begun: what is known of rows is forgotten if another process has written since."""
        version = self.connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version or len(self._runs) + len(self._producers) > _MOST_KNOWN:
            self._forget_rows()
        self._version = version

    def flush(self) -> None:
        """Write what is still to be written; the transaction's last work."""
        self._bulk.flush()

    def undone(self) -> None:
        """The transaction has come to nothing."""
        self.news.clear()
        self._bulk.clear()
        self._states.clear()
        self._forget_rows()

    def _forget_rows(self) -> None:
        self._runs.clear()
        self._producers.clear()

    @property
    def changes(self) -> int:
        """Grows whenever something is written, or is to be written."""
        return self.connection.total_changes + self._bulk.added

    # -- events and checkpoints -------------------------------------------------------------------------------

    def create(self, run: RunRecord, entry: Entry) -> int:
        """See `Store.create`."""
        if self._found(run.id) is not None:
            raise StoreError(f"there is a run {run.id!r} already")
        row = run.id, run.name, run.pipeline_id, micros(run.created_at)
        key = self.connection.execute(_ADD_RUN, row).lastrowid
        assert key is not None
        self.connection.execute("INSERT INTO records VALUES (?, ?)", (key, entry.record))
        return self._add(_Run(key, 0, RunStatus.PENDING, 0, None, None), entry)

    def append(self, entry: Entry, lease: Lease | None) -> int:
        """See `Store.append`."""
        run = self._run(entry.run_id)
        if lease is not None:
            _fence(run, lease)
        return self._add(run, entry)

    def append_once(self, entry: Entry, batch: Batch, lease: Lease | None) -> int:
        """See `OnceStore.append_once`."""
        run = self._run(entry.run_id)
        epoch, seq, last = self._taken(run.key, batch.producer)
        if not check(batch, epoch, seq):
            return last
        last = self.append(entry, lease)
        taken = self._producers[run.key, batch.producer] = batch.epoch, batch.seq, last
        self._bulk.took(run.key, batch.producer, taken)
        return last

    def _taken(self, key: int, producer: str) -> Taken:
        """The last batch of a producer."""
        known = self._producers.get((key, producer))
        if known is None:
            known = self.connection.execute(_PRODUCER, (key, producer)).fetchone() or (0, 0, 0)
            self._producers[key, producer] = known
        return known

    def _add(self, run: _Run, entry: Entry) -> int:
        kinds = frozenset([row[1] for row in entry.rows])
        last, ended = run.seq + len(entry.rows), run.status in ENDED
        if ended or kinds.isdisjoint(CHANGES):
            self._write(run, entry)
            self._states.passed(entry.run_id, run.seq, last)
            self._bulk.move(run.key, last)
            self._runs[entry.run_id] = run.at(last, run.status)
            final = None
        else:  # the state is fetched first, as the new rows would be read with it
            if not self._states.has(entry.run_id, run.seq):
                self.flush()
            state = self._states.at(self.connection, entry.run_id, run.key, run.seq)
            self._write(run, entry)
            ended = self._fold(run, state, entry, last)
            final = Folded(run.key, last, state.folding) if ended else None
        self.news.append(News(entry.run_id, run.seq, last, kinds, ended, final=final))
        return last

    def _write(self, run: _Run, entry: Entry) -> None:
        key = run.key
        for blob in entry.spilled:
            self.blobs.keep(self.connection, key, blob)
        self._bulk.events(key, run.seq, entry.rows)
        for text in entry.texts:
            self.connection.execute(_ADD_CHECKPOINT, (key, key, text))

    def _fold(self, run: _Run, state: RunState, entry: Entry, last: int) -> bool:
        """Take the events into the run's state, and that into what lists show; whether the run has ended."""
        folding, run_id, load = state.folding, entry.run_id, self._states.load
        for seq, (draft, row) in enumerate(zip(entry.drafts, entry.rows, strict=True), run.seq + 1):
            if row[1] in CHANGES:
                folding.apply(event_read(run_id, seq, draft, row[4], load))
        state.seq = last
        if folding.status == run.status:
            self._bulk.advance(run.key, last, folding.overall_progress)
        else:
            self._change(run, folding.outline(), last)
        self._runs[run_id] = run.at(last, folding.status)
        if state.wants_storing():
            store_state(self.connection, run.key, state)
        if folding.status in ENDED:
            self._states.forget(run_id)
            return True
        return False

    def _change(self, run: _Run, outline: PipelineProgress, last: int) -> None:
        times = maybe_micros(outline.started_at), maybe_micros(outline.completed_at)
        row = last, outline.overall_progress, str(outline.status), *times, legible(outline.error), run.key
        self._bulk.settled(run.key)
        self.connection.execute(_CHANGE, row)

    # -- leases -----------------------------------------------------------------------------------------------

    def acquire(self, run_id: str, owner: str, ttl: float, over: Lease | None) -> Lease:
        """See `Store.acquire`."""
        run = self._run(run_id)
        held = run.lease(run_id)
        if held is not None and not claimable(held, owner, over):
            until = f"{held.expires_at:%H:%M:%S} UTC"
            raise LeaseLostError(f"{held.owner} runs {run_id}, until {until} at least", lease=held)
        return self._set_lease(run, Lease(run_id, owner, run.epoch + 1, _expiry(ttl)))

    def renew(self, lease: Lease, ttl: float) -> Lease:
        """See `Store.renew`."""
        run = self._run(lease.run_id)
        _fence(run, lease)
        return self._set_lease(run, evolve(lease, expires_at=_expiry(ttl)))

    def release(self, lease: Lease) -> None:
        """See `Store.release`."""
        run = self._found(lease.run_id)
        if run is not None and run.epoch == lease.epoch:
            self._hold(lease.run_id, run._replace(owner=None, expires_at=None))

    def _set_lease(self, run: _Run, lease: Lease) -> Lease:
        expires = micros(lease.expires_at)
        self._hold(lease.run_id, run._replace(owner=lease.owner, epoch=lease.epoch, expires_at=expires))
        return lease

    def _hold(self, run_id: str, run: _Run) -> None:
        self.connection.execute(_LEASE, (run.owner, run.epoch, run.expires_at, run.key))
        self._runs[run_id] = run

    # -- deleting ---------------------------------------------------------------------------------------------

    def delete(self, run_id: str) -> None:
        """See `Store.delete`; its events are left to `clear_garbage`, as they may be many.

        The key of a deleted run is never given again, so nobody takes them for another's.
        """
        run = self._run(run_id)
        lease = run.lease(run_id)
        ended = run.status in ENDED
        if not ended and lease is not None and lease.expires_at > datetime.now(UTC):
            raise StoreError(f"run {run_id} is being run", hint="cancel it first")
        self.flush()
        self._forget_rows()
        for table, column in (("runs", "key"), ("records", "run"), ("states", "run")):
            self.connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (run.key,))  # noqa: S608  constants
        self.connection.execute("INSERT INTO garbage VALUES (?)", (run.key,))
        self._states.forget(run_id)
        self.news.append(News(run_id, run.seq, run.seq, frozenset(), ended=True, gone=True))

    def clear_garbage(self, limit: int = 20_000) -> bool:
        """Remove some of what deleted runs have left; whether there may be more."""
        gone = 0
        while gone < limit:
            found = self.connection.execute("SELECT run FROM garbage LIMIT 1").fetchone()
            if found is None:
                return False
            gone += self._clear(found[0], limit) + 1
        return True

    def _clear(self, key: int, limit: int) -> int:
        """Remove some rows of a deleted run; how many. Where they are the last, nothing is left of the run."""
        gone = 0
        for table, place in (("events", "seq"), ("checkpoints", "number")):
            first = f"SELECT min({place}) FROM {table} WHERE run = ?"  # noqa: S608  constants
            chunk = f"DELETE FROM {table} WHERE run = ? AND {place} < ({first}) + ?"  # noqa: S608  constants
            gone += self.connection.execute(chunk, (key, key, limit)).rowcount
        if gone < limit:
            hashes = self.connection.execute("DELETE FROM blobs WHERE run = ? RETURNING hash", (key,))
            self.orphans.extend(row[0] for row in hashes)
            self.connection.execute("DELETE FROM garbage WHERE run = ?", (key,))
        return gone

    def drop_orphans(self) -> None:
        """Remove the files that `clear_garbage` has parted from their last run; in a transaction after its own."""
        self.blobs.drop(self.connection, self.orphans)
        self.orphans.clear()

    def sweep(self) -> int:
        """Remove files that crashes have left behind; how many."""
        return self.blobs.sweep(self.connection)

    # -- rows -------------------------------------------------------------------------------------------------

    def _run(self, run_id: str) -> _Run:
        run = self._found(run_id)
        if run is None:
            raise no_such_run(self.connection, run_id)
        return run

    def _found(self, run_id: str) -> _Run | None:
        """A run's row; nothing of one that is not known yet is still to be written."""
        run = self._runs.get(run_id)
        if run is None:
            row = self.connection.execute(_FIND, (run_id,)).fetchone()
            if row is None:
                return None
            run = self._runs[run_id] = _Run(*row)
        return run


def no_such_run(connection: sqlite3.Connection, run_id: str) -> RunNotFoundError:
    """The error that names the newest runs there are."""
    newest = connection.execute("SELECT id FROM runs ORDER BY id DESC LIMIT 5")
    return RunNotFoundError(unknown("run", run_id, [row[0] for row in newest]))


def _fence(run: _Run, lease: Lease) -> None:
    if lease.epoch != run.epoch:
        raise LeaseLostError(
            f"run {lease.run_id}: the lease of {lease.owner} (epoch {lease.epoch}) is lost to epoch {run.epoch}",
            lease=run.lease(lease.run_id),
        )


def _expiry(ttl: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=ttl)
