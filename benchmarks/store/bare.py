"""Bare sqlite3: a file with the store's tables, and the rows that the store has written, written again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from synapse_core.events import Kind
from synapse_store.sqlite.schema import MIGRATIONS

_numbers = count(1)

_ADD_EVENT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)"
_ADD_CHECKPOINT = "INSERT INTO checkpoints VALUES (?, ?, ?)"
_MOVE = "UPDATE runs SET seq = ?, progress = ? WHERE key = ?"

Rows = Sequence[tuple[Any, ...]]


class Commit(NamedTuple):
    """What one write of a run has added: rows without their run's key."""

    events: Rows
    checkpoints: Rows


class Run(NamedTuple):
    """All that was written of a run: its record, and its writes in order."""

    name: str
    record: str
    commits: Sequence[Commit]


def written(path: Path) -> Run:
    """The newest run of a store, each write of it ending with the end of an action or of the run."""
    with closing(sqlite3.connect(path)) as file:
        key, name = file.execute("SELECT key, name FROM runs ORDER BY key DESC LIMIT 1").fetchone()
        (record,) = file.execute("SELECT record FROM records WHERE run = ?", (key,)).fetchone()
        events = file.execute("SELECT * FROM events WHERE run = ? ORDER BY seq", (key,)).fetchall()
        checkpoints = iter(file.execute("SELECT * FROM checkpoints WHERE run = ? ORDER BY number", (key,)).fetchall())
    commits, group = [], []
    for row in events:
        group.append(row[1:])
        if row[3] in {Kind.RUN_CREATED, Kind.ACTION_COMPLETED, Kind.RUN_COMPLETED}:
            made = [next(checkpoints)[1:]] if row[3] == Kind.ACTION_COMPLETED else []
            commits.append(Commit(group, made))
            group = []
    return Run(name, record, commits)


def opened(path: Path, durability: str = "full") -> sqlite3.Connection:
    """A file with the store's tables, its log written ahead as the store's is."""
    file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    file.execute("PRAGMA journal_mode = WAL")
    file.execute(f"PRAGMA synchronous = {durability}")
    for step in MIGRATIONS:
        for statement in step.statements:
            file.execute(statement)
    return file


def begin_run(file: sqlite3.Connection, run: Run) -> int:
    """A new run; its key."""
    key = file.execute(
        "INSERT INTO runs (id, name, created_at) VALUES (?, ?, ?)", (f"{next(_numbers):024x}", run.name, 0)
    ).lastrowid
    assert key is not None
    file.execute("INSERT INTO records VALUES (?, ?)", (key, run.record))
    return key


def add(file: sqlite3.Connection, key: int, commit: Commit) -> None:
    """The rows of one write."""
    file.executemany(_ADD_EVENT, [(key, *row) for row in commit.events])
    for row in commit.checkpoints:
        file.execute(_ADD_CHECKPOINT, (key, *row))
    file.execute(_MOVE, (commit.events[-1][0], 0.5, key))


def write(file: sqlite3.Connection, run: Run) -> None:
    """All of a run, each write committed by itself."""
    file.execute("BEGIN IMMEDIATE")
    key = begin_run(file, run)
    add(file, key, run.commits[0])
    file.execute("COMMIT")
    for commit in run.commits[1:]:
        file.execute("BEGIN IMMEDIATE")
        add(file, key, commit)
        file.execute("COMMIT")
