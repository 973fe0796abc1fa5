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
from synapse_store.sqlite.blobs import Blob, Blobs, discard
from synapse_store.sqlite.rows import Encoder, EventRow, event_read, lease_of, loader
from synapse_store.sqlite.states import Folded, RunState, States, store_state
from synapse_store.sqlite.values import legible, maybe_micros, micros

ENDED = frozenset(status.value for status in RunStatus if status.is_terminal())

_FIND = "SELECT key, seq, status, epoch, owner, expires_at FROM runs WHERE id = ?"
_ADD_RUN = "INSERT INTO runs (id, name, pipeline_id, created_at) VALUES (?, ?, ?, ?)"
_ADD_EVENT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)"
_ADD_CHECKPOINT = (
    "INSERT INTO checkpoints VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM checkpoints WHERE run = ?1), ?2)"
)
_MOVE = "UPDATE runs SET seq = ? WHERE key = ?"
_ADVANCE = "UPDATE runs SET seq = ?, progress = ? WHERE key = ?"
_CHANGE = "UPDATE runs SET seq = ?, progress = ?, status = ?, started_at = ?, completed_at = ?, error = ? WHERE key = ?"
_LEASE = "UPDATE runs SET owner = ?, epoch = ?, expires_at = ? WHERE key = ?"


class _Run(NamedTuple):
    """A row of `_FIND`."""

    key: int
    seq: int
    status: str
    epoch: int
    owner: str | None
    expires_at: int | None

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
    _states: States = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._states = States(loader(self.blobs))

    def undone(self) -> None:
        """The transaction has come to nothing."""
        self.news.clear()
        self._states.clear()

    # -- events and checkpoints -------------------------------------------------------------------------------

    def create(self, run: RunRecord, entry: Entry) -> int:
        """See `Store.create`."""
        if self.connection.execute(_FIND, (run.id,)).fetchone() is not None:
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

    def _add(self, run: _Run, entry: Entry) -> int:
        kinds = frozenset([row[1] for row in entry.rows])
        last, ended = run.seq + len(entry.rows), run.status in ENDED
        if ended or kinds.isdisjoint(CHANGES):
            self._write(run, entry)
            self._states.passed(entry.run_id, run.seq, last)
            self.connection.execute(_MOVE, (last, run.key))
            final = None
        else:  # the state is fetched first, as the new rows would be read with it
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
        rows = [(key, seq, *row) for seq, row in enumerate(entry.rows, run.seq + 1)]
        self.connection.executemany(_ADD_EVENT, rows)
        for text in entry.texts:
            self.connection.execute(_ADD_CHECKPOINT, (key, text))

    def _fold(self, run: _Run, state: RunState, entry: Entry, last: int) -> bool:
        """Take the events into the run's state, and that into what lists show; whether the run has ended."""
        folding, run_id, load = state.folding, entry.run_id, self._states.load
        for seq, (draft, row) in enumerate(zip(entry.drafts, entry.rows, strict=True), run.seq + 1):
            if row[1] in CHANGES:
                folding.apply(event_read(run_id, seq, draft, row[4], load))
        state.seq = last
        if folding.status == run.status:
            self.connection.execute(_ADVANCE, (last, folding.overall_progress, run.key))
        else:
            self._change(run, folding.outline(), last)
        if state.wants_storing():
            store_state(self.connection, run.key, state)
        if folding.status in ENDED:
            self._states.forget(run_id)
            return True
        return False

    def _change(self, run: _Run, outline: PipelineProgress, last: int) -> None:
        times = maybe_micros(outline.started_at), maybe_micros(outline.completed_at)
        row = last, outline.overall_progress, str(outline.status), *times, legible(outline.error), run.key
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
        found = self.connection.execute(_FIND, (lease.run_id,)).fetchone()
        if found is not None and _Run(*found).epoch == lease.epoch:
            run = _Run(*found)
            self.connection.execute(_LEASE, (None, run.epoch, None, run.key))

    def _set_lease(self, run: _Run, lease: Lease) -> Lease:
        self.connection.execute(_LEASE, (lease.owner, lease.epoch, micros(lease.expires_at), run.key))
        return lease

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
            first = f"SELECT min({place}) FROM {table} WHERE run = ?1"  # noqa: S608  constants
            chunk = f"DELETE FROM {table} WHERE run = ?1 AND {place} < ({first}) + ?2"  # noqa: S608  constants
            gone += self.connection.execute(chunk, (key, limit)).rowcount
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
        row = self.connection.execute(_FIND, (run_id,)).fetchone()
        if row is None:
            raise no_such_run(self.connection, run_id)
        return _Run(*row)


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
