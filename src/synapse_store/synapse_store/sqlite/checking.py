"""Is the store sound? `check` reads all of it and says what is not as it should be."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from attrs import frozen

from synapse_core.errors import StoreError
from synapse_core.fold import Folding
from synapse_core.protocols import RunSummary
from synapse_store.sqlite.blobs import Blobs
from synapse_store.sqlite.connect import open_reader
from synapse_store.sqlite.failures import explain, explained
from synapse_store.sqlite.location import Location
from synapse_store.sqlite.migrate import is_ready
from synapse_store.sqlite.readers import Query, Reader
from synapse_store.sqlite.rows import EVENT_COLUMNS, SUMMARY_COLUMNS, checkpoint_of, event_of, record_of, summary_of
from synapse_store.sqlite.values import legible

_PAGE = 2_000

_INTEGRITY = Query("PRAGMA integrity_check(20)", lambda row, _: str(row[0]))
_STRAYS = {
    table: Query(
        f"SELECT DISTINCT run FROM {table} "  # noqa: S608  constants
        "WHERE run NOT IN (SELECT key FROM runs UNION SELECT run FROM garbage)",
        lambda row, _: int(row[0]),
    )
    for table in ("records", "events", "checkpoints", "states", "blobs")
}
_BLOBS = Query("SELECT DISTINCT hash FROM blobs", lambda row, _: str(row[0]))
_IDS = Query(
    "SELECT key, id FROM runs WHERE key > ? ORDER BY key LIMIT 1000", lambda row, _: (int(row[0]), str(row[1]))
)
_RUN = Query(
    f"SELECT seq, {SUMMARY_COLUMNS} FROM runs WHERE key = ?",  # noqa: S608  constants
    lambda row, load: (int(row[0]), summary_of(row[1:], load)),
)
_RECORD = Query("SELECT record FROM records WHERE run = ?", record_of)
_CHECKPOINTS = Query("SELECT checkpoint FROM checkpoints WHERE run = ?", checkpoint_of)
_EVENTS = Query(
    f"SELECT ?, {EVENT_COLUMNS} FROM events WHERE run = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT {_PAGE}",  # noqa: S608
    event_of,
)


@frozen
class CheckReport:
    """What `check` found. ``problems`` is empty where all is well."""

    runs: int
    events: int
    problems: tuple[str, ...]


def check(location: Location) -> CheckReport:
    """Read everything: pages and indices, what belongs to what, large values, and runs.

    A run is sound where its events are numbered without gaps and what lists show of it is what they say.
    """
    checker = _Checker(location)
    with closing(checker.reader):
        problems = dict.fromkeys(checker.problems())
    return CheckReport(checker.runs, checker.events, tuple(problems))


def check_file(location: Location) -> None:
    """See whether there is a store of this version's schema, changing nothing; a damaged one will do.

    Raises:
        StoreError: there is none.
    """
    path = location.path
    check_there(path)
    with explained(path), closing(open_reader(location, forgiving=True)) as connection:
        try:
            ready = is_ready(connection, path)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
                raise
            hint = "nothing of it can be read: go back to a backup"
            raise StoreError(explain(error, path).message, hint=hint) from error
    if not ready:
        raise StoreError(
            f"{path} has the schema of an older synapse-store, or none", hint="open it once, by `synapse runs list`"
        )


def check_there(path: Path) -> None:
    """See whether there is a file, making none.

    Raises:
        StoreError: there is none.
    """
    with explained(path):
        if not path.exists():
            raise StoreError(f"there is no store at {path}", hint="name another with --store")


class _Checker:
    def __init__(self, location: Location) -> None:
        self.runs = 0
        self.events = 0
        self.blobs = Blobs(location.blobs)
        self.reader = Reader(location, self.blobs, forgiving=True)
        self._location = location

    def problems(self) -> Iterator[str]:
        strays = [self._strays(table, query) for table, query in _STRAYS.items()]
        for part in (self._pages(), *strays, self._large_values(), self._of_runs()):
            yield from self._as_far_as_can_be(part)

    def _as_far_as_can_be(self, part: Iterator[str]) -> Iterator[str]:
        """What one part finds, up to what it cannot read: the others go on."""
        try:
            with explained(self._location.path):
                yield from part
        except StoreError as error:
            yield error.message

    def _pages(self) -> Iterator[str]:
        yield from (f"damaged: {text}" for text in self.reader.execute(_INTEGRITY) if text != "ok")

    def _strays(self, table: str, query: Query[int]) -> Iterator[str]:
        yield from (f"{table} of a run that is not there (key {key})" for key in self.reader.execute(query))

    def _large_values(self) -> Iterator[str]:
        for digest in self.reader.execute(_BLOBS):
            try:
                self.blobs.read(digest)
            except StoreError as error:
                yield error.message

    def _of_runs(self) -> Iterator[str]:
        after = 0
        while page := self.reader.execute(_IDS, (after,)):
            for key, run_id in page:
                self.runs += 1
                try:
                    yield from (f"run {run_id}: {problem}" for problem in self._of_run(key))
                except (StoreError, sqlite3.Error, ValueError, TypeError, KeyError) as error:
                    yield f"run {run_id} cannot be read: {error}"
            after = page[-1][0]

    def _of_run(self, key: int) -> Iterator[str]:
        """What is wrong with one run; nothing, if it was deleted meanwhile."""
        found = self.reader.one(_RUN, key)
        if found is None:
            return
        seq, summary = found
        folding, count = self._fold(key, summary.id, seq)
        self.events += count
        if count != seq:
            yield f"{count} events, where the last one's number is {seq}"
        if self.reader.one(_RECORD, key) is None and self.reader.one(_RUN, key) is not None:
            yield "its record is missing"
        self.reader.execute(_CHECKPOINTS, (key,))
        yield from _differences(summary, folding)

    def _fold(self, key: int, run_id: str, last: int) -> tuple[Folding, int]:
        """The state up to the event ``last``, and how many events there are."""
        folding, count, after = Folding(), 0, 0
        while page := self.reader.execute(_EVENTS, (run_id, key, after, last)):
            for event in page:
                folding.apply(event)
            count += len(page)
            after = page[-1].seq
        return folding, count


def _differences(summary: RunSummary, folding: Folding) -> Iterator[str]:
    state = folding.outline()
    pairs = {
        "status": (summary.status, state.status),
        "start": (summary.started_at, state.started_at),
        "end": (summary.completed_at, state.completed_at),
        "error": (summary.error, legible(state.error)),
        "progress": (summary.overall_progress, state.overall_progress),
    }
    yield from (f"its {what} is listed as {a}, its events say {b}" for what, (a, b) in pairs.items() if a != b)
