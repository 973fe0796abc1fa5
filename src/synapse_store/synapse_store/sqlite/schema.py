"""The tables, as numbered migrations: each is run once, in order, and never changed once it was released."""

from __future__ import annotations

from typing import NamedTuple

APPLICATION_ID = 0x53594E41
"""``SYNA``, in the file's header: says that a database is ours."""


class Migration(NamedTuple):
    """One step from a version of the schema to the next."""

    version: int
    what: str
    statements: tuple[str, ...]


_TABLES = (
    # What changes as a run goes on is small and stands alone; what a list shows needs no event read.
    """
    CREATE TABLE runs (
        key INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice: a deleted run's events may be there for a while
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        pipeline_id TEXT,
        status TEXT NOT NULL DEFAULT 'pending',
        created_at INTEGER NOT NULL,            -- times are microseconds since 1970, UTC
        started_at INTEGER,
        completed_at INTEGER,
        error TEXT,
        progress REAL NOT NULL DEFAULT 0.0,
        seq INTEGER NOT NULL DEFAULT 0,         -- of the last event
        epoch INTEGER NOT NULL DEFAULT 0,
        owner TEXT,                             -- of the lease; NULL where there is none
        expires_at INTEGER
    )
    """,
    "CREATE INDEX runs_by_status ON runs (status, id)",
    "CREATE INDEX runs_by_name ON runs (name, id)",
    "CREATE INDEX runs_by_time ON runs (created_at)",
    "CREATE INDEX runs_by_pipeline ON runs (pipeline_id, id) WHERE pipeline_id IS NOT NULL",
    "CREATE TABLE records (run INTEGER PRIMARY KEY, record TEXT NOT NULL)",
    """
    CREATE TABLE events (
        run INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        time INTEGER NOT NULL,
        kind TEXT NOT NULL,
        action TEXT,
        attempt INTEGER NOT NULL,
        payload TEXT,                           -- JSON, '@' and a blob's hash, or NULL for {}
        PRIMARY KEY (run, seq)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE checkpoints (
        run INTEGER NOT NULL,
        number INTEGER NOT NULL,
        checkpoint TEXT NOT NULL,
        PRIMARY KEY (run, number)
    ) WITHOUT ROWID
    """,
    "CREATE TABLE blobs (run INTEGER NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (run, hash)) WITHOUT ROWID",
    "CREATE INDEX blobs_by_hash ON blobs (hash)",
    "CREATE TABLE garbage (run INTEGER PRIMARY KEY)",
)

_STATES = (
    # The fold of a run up to an event, so that the state of a long run is not folded from its first event on.
    "CREATE TABLE states (run INTEGER PRIMARY KEY, seq INTEGER NOT NULL, state TEXT NOT NULL)",
)

_SERVED = (
    "CREATE TABLE definitions (id TEXT PRIMARY KEY, pipeline TEXT NOT NULL) WITHOUT ROWID",
    # The last batch of each producer of a run, and the last event then: by it what was sent twice is told.
    """
    CREATE TABLE producers (
        run INTEGER NOT NULL,
        name TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        last INTEGER NOT NULL,
        PRIMARY KEY (run, name)
    ) WITHOUT ROWID
    """,
    "CREATE TRIGGER forget_producers AFTER DELETE ON runs BEGIN DELETE FROM producers WHERE run = OLD.key; END",
)

MIGRATIONS = (
    Migration(1, "runs, events, checkpoints", _TABLES),
    Migration(2, "states of long runs", _STATES),
    Migration(3, "definitions of pipelines, and batches that are taken once", _SERVED),
)

VERSION = MIGRATIONS[-1].version
