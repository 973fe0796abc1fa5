"""Migrations: each once, under the lock, with a backup beside; and what is too new is refused."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from synapse_core.errors import StoreError
from synapse_core.fold import fold
from synapse_core.testing.store.samples import begun, everything, log
from synapse_store import SQLiteStore
from synapse_store.sqlite import migrate as migrating
from synapse_store.sqlite.migrate import backup_path, is_ready, migrate
from synapse_store.sqlite.schema import APPLICATION_ID, MIGRATIONS, VERSION, Migration
from tests.store.helpers import filled, on, sql


def version(path: Path) -> int:
    return int(sql(path, "PRAGMA user_version")[0][0])


def of_version(path: Path, wanted: int) -> list[str]:
    """A store as an older version has left it, with data in it; the ids of its runs."""
    ids = filled(path, runs=5, logs=20)
    before = path.with_name("new.db")
    path.rename(before)
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.execute("PRAGMA journal_mode = WAL")
        migrate(old, path, [step for step in MIGRATIONS if step.version <= wanted])
        old.execute("ATTACH ? AS new", (str(before),))
        for (table,) in old.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            if table != "sqlite_sequence":
                old.execute(f"INSERT INTO main.{table} SELECT * FROM new.{table}")
    before.unlink()
    return ids


def test_versions_are_numbered_without_gaps() -> None:
    """A migration's number is its place."""
    assert [step.version for step in MIGRATIONS] == list(range(1, VERSION + 1))
    assert all(step.what for step in MIGRATIONS)


def test_a_new_file_is_of_this_version(tmp_path) -> None:
    """And says whose it is; nothing was there to be backed up."""
    path = tmp_path / "runs.db"
    filled(path)
    assert version(path) == VERSION
    assert sql(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert [entry.name for entry in tmp_path.iterdir()] == ["runs.db"]


@pytest.mark.parametrize("old", range(1, VERSION))
def test_an_older_file_is_taken_on_with_its_data(tmp_path, old: int) -> None:
    """Nothing is lost or changed, it can be written to, and the old file stands beside it, for its owner only."""
    path = tmp_path / "runs.db"
    ids = of_version(path, old)
    events = sql(path, "SELECT * FROM events ORDER BY run, seq")

    async def body(store: SQLiteStore) -> None:
        assert [run.id for run in await store.list_runs()] == ids[::-1]
        for run_id in ids:
            found = await everything(store, run_id)
            assert await store.progress(run_id) == fold(found)
            assert len(await store.checkpoints(run_id)) == 1
        await store.append(await begun(store), [log(1)])
        assert (await store.check()).problems == ()

    on(path, body)
    assert version(path) == VERSION
    assert sql(path, "SELECT * FROM events WHERE run <= 5 ORDER BY run, seq") == events
    backup = backup_path(path, old)
    assert version(backup) == old
    assert sql(backup, "SELECT * FROM events ORDER BY run, seq") == events
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_who_looks_while_another_makes_the_file_sees_one_instant(tmp_path) -> None:
    """A look that a migration overtakes half-way tells what was before it, never half of each."""
    path = tmp_path / "runs.db"
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as looking,
        closing(sqlite3.connect(path, isolation_level=None)) as making,
    ):
        looking.execute("PRAGMA journal_mode = WAL")
        overtaken: list[str] = []

        def overtake(statement: str) -> None:
            if "user_version" in statement and not overtaken:
                overtaken.append(statement)
                migrate(making, path)

        looking.set_trace_callback(overtake)
        assert not is_ready(looking, path)
        assert overtaken
        assert is_ready(looking, path)


def test_many_who_open_an_old_file_migrate_it_once(tmp_path, monkeypatch) -> None:
    """Who comes second waits, and finds it done."""
    path = tmp_path / "runs.db"
    of_version(path, VERSION - 1)
    backups = []
    back_up = migrating._back_up

    def noted(*args: Any) -> None:
        backups.append(args)
        back_up(*args)

    monkeypatch.setattr(migrating, "_back_up", noted)
    links = [tmp_path / f"link{number}.db" for number in range(4)]
    start, failed = threading.Barrier(len(links)), []

    def use() -> None:
        try:
            connection = sqlite3.connect(path, timeout=60, isolation_level=None)
            start.wait()
            migrate(connection, path)
            connection.close()
        except Exception as error:  # noqa: BLE001  told to the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=use) for _ in links]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(backups) == 1
    assert version(path) == VERSION


def test_a_newer_file_is_refused(tmp_path) -> None:
    """It is left as it is, and the message says which versions there are."""
    path = tmp_path / "runs.db"
    filled(path)
    sql(path, f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    for use in (begun, SQLiteStore.list_runs, SQLiteStore.check):
        with pytest.raises(StoreError, match=f"version {VERSION + 1}.*up to {VERSION}") as caught:
            on(path, use)
        assert "upgrade synapse-store" in str(caught.value.hint)
    assert path.read_bytes() == before


def test_a_migration_that_fails_changes_nothing(tmp_path) -> None:
    """The file stays of its version, with its data, and a later try finds it so."""
    path = tmp_path / "runs.db"
    of_version(path, 1)
    broken = [*MIGRATIONS, Migration(VERSION + 1, "breaks", ("CREATE TABLE made (x)", "CREATE TABLE made (x)"))]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection, pytest.raises(sqlite3.OperationalError):
        migrate(connection, path, broken)
    assert version(path) == 1
    assert sql(path, "SELECT name FROM sqlite_master WHERE name IN ('made', 'states')") == []
    assert len(on(path, SQLiteStore.list_runs)) == 5
    assert version(path) == VERSION


def test_an_old_backup_gives_way(tmp_path) -> None:
    """One that an earlier try has left is older than the file."""
    path = tmp_path / "runs.db"
    of_version(path, 1)
    backup_path(path, 1).write_text("of an earlier try")
    on(path, SQLiteStore.list_runs)
    assert version(backup_path(path, 1)) == 1


def test_an_old_file_is_not_changed_by_looking_at_it(tmp_path) -> None:
    """`check` of an older file says what to do."""
    path = tmp_path / "runs.db"
    of_version(path, 1)
    shutil.copy(path, tmp_path / "copy.db")
    with pytest.raises(StoreError, match="older synapse-store"):
        on(path, SQLiteStore.check)
    assert version(path) == 1
