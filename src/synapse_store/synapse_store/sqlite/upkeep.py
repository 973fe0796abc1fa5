"""Keeping a store small and taking it elsewhere: `vacuum`, `prune`, `export`."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from attrs import frozen

from synapse_core.errors import RunNotFoundError, StoreError
from synapse_core.models import RunStatus
from synapse_core.protocols import RunSummary
from synapse_store.sqlite.blobs import Blobs
from synapse_store.sqlite.connect import waiting, when_free
from synapse_store.sqlite.database import Database
from synapse_store.sqlite.failures import explain, explained
from synapse_store.sqlite.files import replacing
from synapse_store.sqlite.group import Request, Writer
from synapse_store.sqlite.ledger import ENDED
from synapse_store.sqlite.location import Location
from synapse_store.sqlite.readers import Query, Reader, Readers
from synapse_store.sqlite.rows import (
    EVENT_COLUMNS,
    SUMMARY_COLUMNS,
    event_of,
    placeholders,
    summary_of,
)
from synapse_store.sqlite.values import micros

_PAGE = 1_000
_AT_ONCE = 200

_IDS = Query("SELECT id FROM runs WHERE id > ? ORDER BY id LIMIT 1000", lambda row, _: str(row[0]))
_RUN = Query(
    "SELECT key, record FROM runs JOIN records ON run = key WHERE id = ?", lambda row, load: (row[0], load(row[1]))
)
_CHECKPOINTS = Query("SELECT checkpoint FROM checkpoints WHERE run = ? ORDER BY number", lambda row, load: load(row[0]))
_EVENTS = Query(
    f"SELECT ?, {EVENT_COLUMNS} FROM events WHERE run = ? AND seq > ? ORDER BY seq LIMIT {_PAGE}",  # noqa: S608
    event_of,
)


# -- vacuum -----------------------------------------------------------------------------------------------------


@frozen
class VacuumReport:
    """Sizes of the file in bytes, before and after, and how many files that nobody needs were removed."""

    before: int
    after: int
    files: int


def vacuum(writer: Writer) -> VacuumReport:
    """Give back what deleted runs took; blocks, and others who write wait.

    Raises:
        StoreUnavailableError: another process keeps writing.
        StoreError: there is no room for the copy that it takes.
    """
    while writer.call(Request(lambda ledger, _: ledger.clear_garbage())):
        pass
    files = writer.call(Request(lambda ledger, _: ledger.sweep()))
    before, after = writer.alone(_vacuum)
    return VacuumReport(before, after, files)


def _vacuum(database: Database) -> tuple[int, int]:
    path, seconds, connection = database.location.path, database.location.timeout, database.ledger().connection
    with waiting(connection, seconds):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.stat().st_size
    when_free(lambda: connection.execute("VACUUM"), seconds)
    with waiting(connection, seconds):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return before, path.stat().st_size


# -- prune ------------------------------------------------------------------------------------------------------


async def prune(
    writer: Writer, readers: Readers, older_than: timedelta, *, keep_failed: bool, dry_run: bool
) -> list[RunSummary]:
    """Forget ended runs; see `SQLiteStore.prune`."""
    ends = sorted(ENDED - ({RunStatus.FAILED.value} if keep_failed else set()))
    query = Query(
        f"SELECT {SUMMARY_COLUMNS} FROM runs "  # noqa: S608  constants
        f"WHERE status IN {placeholders(ends)} AND completed_at < ? ORDER BY id",
        summary_of,
    )
    found = await readers.fetch(query, *ends, micros(datetime.now(UTC) - older_than))
    if not dry_run:
        for start in range(0, len(found), _AT_ONCE):
            await asyncio.gather(*(_forget(writer, run.id) for run in found[start : start + _AT_ONCE]))
        await clear(writer)
    return found


async def _forget(writer: Writer, run_id: str) -> None:
    try:
        await writer.acall(Request(lambda ledger, _: ledger.delete(run_id)))
    except RunNotFoundError:  # somebody else has
        return


async def clear(writer: Writer) -> None:
    """Remove what deleted runs have left, by and by, so that other writers need not wait for it."""
    while await writer.acall(Request(lambda ledger, _: ledger.clear_garbage())):
        pass
    await writer.acall(Request(lambda ledger, _: ledger.drop_orphans()))


# -- export -----------------------------------------------------------------------------------------------------


@frozen
class ExportReport:
    """How many runs and lines were written, and which could not be read."""

    runs: int
    lines: int
    problems: tuple[str, ...]


def export(location: Location, target: Path | TextIO, run_ids: Collection[str] | None) -> ExportReport:
    """Write runs as JSON Lines; see `SQLiteStore.export`."""
    if not isinstance(target, Path):
        return _export(location, target, run_ids)
    if target.is_dir():
        raise StoreError(f"{target} is a folder", hint=f"name a file, such as {target / 'runs.jsonl'}")
    with explained(target), _opened(target) as file:
        return _export(location, file, run_ids)


@contextmanager
def _opened(target: Path) -> Iterator[TextIO]:
    """A file that takes the target's place once it is whole; a pipe or a device is written to as it is."""
    if target.exists() and not target.is_file():
        with target.open("w", encoding="utf-8") as file:
            yield file
        return
    with replacing(target.resolve()) as part, part.open("w", encoding="utf-8") as file:
        yield file


_RUN_LINE = '{"type": "run"'


def _export(location: Location, file: TextIO, run_ids: Collection[str] | None) -> ExportReport:
    problems: list[str] = []
    runs = lines = 0
    for line in _lines(location, run_ids, problems):
        file.write(line + "\n")
        lines += 1
        runs += line.startswith(_RUN_LINE)
    return ExportReport(runs, lines, tuple(problems))


def _lines(location: Location, run_ids: Collection[str] | None, problems: list[str]) -> Iterator[str]:
    """The lines of runs: each one's record, its events and its checkpoints; ``problems`` gets what cannot be read."""
    with closing(Reader(location, Blobs(location.blobs), forgiving=True)) as reader:
        try:
            for run_id in _every_id(reader) if run_ids is None else run_ids:
                try:
                    yield from map(json.dumps, _run_lines(reader, run_id))
                except RunNotFoundError:
                    if run_ids is not None:  # else it was deleted meanwhile
                        raise
                except (sqlite3.Error, StoreError, ValueError) as error:
                    problems.append(f"run {run_id}: {explain(error, location.path).message}")
        except sqlite3.Error as error:
            problems.append(f"there may be more runs: {explain(error, location.path).message}")


def _every_id(reader: Reader) -> Iterator[str]:
    page = reader.execute(_IDS, ("",))
    while page:
        yield from page
        page = reader.execute(_IDS, (page[-1],))


def _run_lines(reader: Reader, run_id: str) -> Iterator[dict[str, Any]]:
    found = reader.one(_RUN, run_id)
    if found is None:
        raise RunNotFoundError(f"no run {run_id!r}", hint="`synapse runs list` shows which there are")
    key, record = found
    yield {"type": "run", **record}
    after = 0
    while page := reader.execute(_EVENTS, (run_id, key, after)):
        yield from ({"type": "event", **event.to_dict()} for event in page)
        after = page[-1].seq
    yield from ({"type": "checkpoint", **each} for each in reader.execute(_CHECKPOINTS, (key,)))
