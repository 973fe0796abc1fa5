"""check, vacuum, prune and export."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from synapse_core.errors import RunNotFoundError, StoreError
from synapse_core.events import Draft, Event, Kind
from synapse_core.testing.store.samples import begun, checkpoint, created, draft, log, new_run, plain
from synapse_store import SQLiteStore
from synapse_store.sqlite.ledger import Ledger
from tests.store.helpers import ended, filled, on, output_of, python, sql

AGES = {"new": 1, "old": 40, "failed": 50, "cancelled": 60}


async def aged(store: SQLiteStore) -> dict[str, str]:
    """Runs that ended some days ago, and two that have not ended; their ids."""
    ids = {}
    kinds = {"failed": Kind.RUN_FAILED, "cancelled": Kind.RUN_CANCELLED}
    for name, days in AGES.items():
        ids[name] = await begun(store)
        at = datetime.now(UTC) - timedelta(days=days)
        await store.append(ids[name], [log(1), Draft(kinds.get(name, Kind.RUN_COMPLETED), at)])
    ids["running"] = await begun(store, draft(Kind.RUN_STARTED))
    ids["pending"] = await begun(store)
    return ids


async def left(store: SQLiteStore) -> set[str]:
    return {run.id for run in await store.list_runs()}


# -- check ------------------------------------------------------------------------------------------------------


def test_a_sound_store(tmp_path) -> None:
    """It is said how much there is."""
    filled(tmp_path / "runs.db", runs=4, logs=10)
    report = on(tmp_path / "runs.db", SQLiteStore.check)
    assert (report.runs, report.events, report.problems) == (4, 4 * 15, ())


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE runs SET status = 'running'", "its status is listed as running, its events say completed"),
        ("UPDATE runs SET progress = 0.25", "its progress is listed as 0.25"),
        ("UPDATE runs SET error = 'another'", "its error is listed as another"),
        ("UPDATE runs SET started_at = 7", "its start is listed as"),
        ("UPDATE runs SET seq = seq + 1", "7 events, where the last one's number is 8"),
        ("DELETE FROM events WHERE seq = 2", "6 events, where the last one's number is 7"),
        ("DELETE FROM records", "its record is missing"),
        ("DELETE FROM runs", "events of a run that is not there"),
        ("UPDATE events SET payload = '{' WHERE seq = 1", "cannot be read"),
        ("UPDATE checkpoints SET checkpoint = '@00'", "cannot be read"),
        ("INSERT INTO blobs VALUES (1, 'abc')", "abc, which holds a large value"),
        ("INSERT INTO states VALUES (99, 1, '{}')", "states of a run that is not there (key 99)"),
    ],
)
def test_what_is_not_as_it_should_be(tmp_path, damage: str, said: str) -> None:
    """Each is told, and what is sound beside it is not."""
    path = tmp_path / "runs.db"
    filled(path, logs=2)
    sql(path, damage)
    problems = on(path, SQLiteStore.check).problems
    assert any(said in problem for problem in problems), problems
    assert len(problems) <= 4


def test_checking_while_others_write(tmp_path) -> None:
    """It is no problem that a run goes on meanwhile."""

    async def body(store: SQLiteStore) -> None:
        runs = [await begun(store) for _ in range(20)]
        checking = asyncio.ensure_future(store.check())
        number = 0
        while not checking.done():
            number += 1
            at = draft(Kind.ACTION_PROGRESS, "load", number, 1, current=number, total=10**6)
            await asyncio.gather(*(store.append(run_id, [at]) for run_id in runs))
        assert (await checking).problems == ()

    on(tmp_path / "runs.db", body)


def test_there_is_nothing_to_check(tmp_path) -> None:
    """Nor to prune or to vacuum; it makes no file."""
    for use in (SQLiteStore.check, SQLiteStore.vacuum, partial(SQLiteStore.prune, older_than=timedelta(days=1))):
        with pytest.raises(StoreError, match="there is no store at"):
            on(tmp_path / "runs.db", use)
    assert list(tmp_path.iterdir()) == []


# -- deleting, pruning, vacuum ----------------------------------------------------------------------------------


def test_prune(tmp_path) -> None:
    """Runs that ended long ago are forgotten; those that have not ended never are."""

    async def body(store: SQLiteStore) -> None:
        ids = await aged(store)
        month = timedelta(days=30)
        would = await store.prune(month, dry_run=True)
        assert {run.id for run in would} == {ids["old"], ids["failed"], ids["cancelled"]}
        assert len(await left(store)) == 6
        assert {run.id for run in await store.prune(month, keep_failed=True)} == {ids["old"], ids["cancelled"]}
        assert ids["failed"] in await left(store)
        assert [run.id for run in await store.prune(month)] == [ids["failed"]]
        assert await left(store) == {ids["new"], ids["running"], ids["pending"]}
        assert await store.prune(month) == []
        assert (await store.check()).problems == ()

    on(tmp_path / "runs.db", body)


def test_nothing_of_a_deleted_run_is_left(tmp_path) -> None:
    """In no table."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        other = await ended(store)
        run_id = await begun(store)
        progress = [draft(Kind.ACTION_PROGRESS, "load", n, 1, current=n, total=9000) for n in range(9000)]
        await store.append(run_id, progress, checkpoints=[checkpoint(run_id, "load", 0, "x" * 2_000_000)])
        counts = {table: _count(path, table) for table in _TABLES}
        assert all(counts.values()), counts
        await store.delete(run_id)
        await store.delete(other)

    on(path, body)
    assert {table: _count(path, table) for table in _TABLES} == dict.fromkeys(_TABLES, 0)
    assert _count(path, "garbage") == 0


_TABLES = ("runs", "records", "events", "checkpoints", "states", "blobs")


def _count(path: Path, table: str) -> int:
    return int(sql(path, f"SELECT count(*) FROM {table}")[0][0])


def test_a_long_run_is_deleted_by_and_by(tmp_path) -> None:
    """Others write between; and what a crash leaves of it is removed later, under no other run's name."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        long = await begun(store)
        for start in range(0, 50_000, 5000):
            await store.append(long, [log(n) for n in range(start, start + 5000)])
        other = await begun(store)
        commits: list[str] = []
        connection = store._file.database.ledger().connection
        connection.set_trace_callback(lambda text: commits.append(text) if text == "COMMIT" else None)
        await store.delete(long)
        assert len(commits) >= 4
        await store.append(other, [log(1)])

    on(path, body)

    async def crashes(store: SQLiteStore) -> None:
        run_id = await ended(store, logs=100)
        await store.append(run_id, [log(1)])
        store._file.database.transact(lambda ledger: ledger.delete(run_id))

    on(path, crashes)
    assert _count(path, "garbage") == 1

    async def later(store: SQLiteStore) -> None:
        assert (await store.check()).problems == ()
        fresh = await begun(store)
        assert len(await store.read(fresh)) == 1
        await store.vacuum()
        assert len(await store.read(fresh)) == 1

    on(path, later)
    assert _count(path, "garbage") == 0
    assert sql(path, "SELECT count(*) FROM events WHERE run NOT IN (SELECT key FROM runs)") == [(0,)]


def test_keys_are_not_given_twice(tmp_path) -> None:
    """Of which it depends that nobody reads a deleted run's events as another's."""

    async def body(store: SQLiteStore) -> None:
        for _ in range(3):
            run_id = await begun(store)
            ledger: Ledger = store._file.database.ledger()
            (key,) = ledger.connection.execute("SELECT max(key) FROM runs").fetchone()
            store._file.database.transact(partial(Ledger.delete, run_id=run_id))
            keys.append(key)

    keys: list[int] = []
    on(tmp_path / "runs.db", body)
    assert keys == [1, 2, 3]


def test_vacuum_gives_room_back(tmp_path) -> None:
    """The file is smaller, what is left is whole, and others read meanwhile."""
    path = tmp_path / "runs.db"
    ids = filled(path, runs=20, logs=500)

    async def body(store: SQLiteStore) -> None:
        for run_id in ids[1:]:
            await store.delete(run_id)
        events = await store.read(ids[0])
        report = await store.vacuum()
        assert report.after < report.before / 4
        assert path.stat().st_size == report.after
        assert await store.read(ids[0]) == events
        assert (await store.check()).problems == ()
        await store.append(ids[0], [log(1)])

    on(path, body)


# -- export -----------------------------------------------------------------------------------------------------


def test_an_export_holds_everything(tmp_path) -> None:
    """Each run's record, its events and checkpoints, a line each; large values are in it."""
    path, target = tmp_path / "runs.db", tmp_path / "out" / "runs.jsonl"

    async def body(store: SQLiteStore) -> None:
        run = new_run("größe")
        await store.create(run, [created(run), draft(Kind.ACTION_LOG, message="x" * 2_000_000 + "\udce4")])
        made = checkpoint(run.id, "load", 0, {"y": [1, None]})
        await store.append(run.id, [draft(Kind.ACTION_COMPLETED, "load", 1, 1)], checkpoints=[made])
        other = await ended(store)
        report = await store.export(target)
        assert (report.runs, report.lines, report.problems) == (2, 1 + 3 + 1 + 1 + 8 + 1, ())
        lines = [json.loads(line) for line in target.read_text().splitlines()]
        mine = [line for line in lines if run.id in (line.get("id"), line.get("run_id"))]
        assert [line["type"] for line in mine] == ["run", "event", "event", "event", "checkpoint"]
        assert mine[0]["plan"] == run.plan
        events = [Event.from_dict(line) for line in mine[1:4]]
        assert [plain(event) for event in events] == [plain(event) for event in await store.read(run.id)]
        assert mine[4]["result"] == {"y": [1, None]}
        assert (await store.export(target, [other])).runs == 1
        assert {line.get("id") or line["run_id"] for line in map(json.loads, target.read_text().splitlines())} == {
            other
        }

    on(path, body)


def test_an_export_takes_the_place_of_files_only(tmp_path) -> None:
    """Of the file that a link leads to; a pipe is written to, and a folder is no place."""
    path, pipe, link = tmp_path / "runs.db", tmp_path / "pipe", tmp_path / "link.jsonl"
    filled(path)
    os.mkfifo(pipe)
    link.symlink_to("runs.jsonl")
    reading = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True)
    for target in (pipe, link):
        on(path, partial(SQLiteStore.export, target=target))
    assert reading.communicate()[0] == (tmp_path / "runs.jsonl").read_text()
    assert (pipe.is_fifo(), link.is_symlink()) == (True, True)
    with pytest.raises(StoreError, match="is a folder"):
        on(path, lambda store: store.export(tmp_path))


def test_an_export_that_fails_leaves_what_was_there(tmp_path) -> None:
    """Of a run that is not there, or to a place that cannot be written."""
    target = tmp_path / "runs.jsonl"
    target.write_text("of yesterday")
    filled(tmp_path / "runs.db")

    async def body(store: SQLiteStore) -> None:
        with pytest.raises(RunNotFoundError, match="nobody"):
            await store.export(target, ["nobody"])
        with pytest.raises(StoreError, match=r"runs\.db"):
            await store.export(tmp_path / "runs.db" / "x.jsonl")

    on(tmp_path / "runs.db", body)
    assert target.read_text() == "of yesterday"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["runs.db", "runs.jsonl"]


BUSY = """
import asyncio, sys
from synapse_core.testing.store.samples import begun, log
from synapse_store import SQLiteStore

async def main():
    store = SQLiteStore(sys.argv[1])
    run_id = await begun(store)
    for turn in range(300):
        await store.append(run_id, [log(turn)])
    await store.aclose()

asyncio.run(main())
"""


def test_upkeep_beside_another_process(tmp_path) -> None:
    """Neither is told that the file is locked."""
    path = tmp_path / "runs.db"
    filled(path, runs=30, logs=100)

    async def body(store: SQLiteStore) -> None:
        busy = python(BUSY, str(path))
        while busy.poll() is None:
            await store.prune(timedelta(0))
            await store.vacuum()
            assert (await store.check()).problems == ()
            await ended(store)
        output_of(busy)

    on(path, body)
