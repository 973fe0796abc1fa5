"""The file and its folder: who may read them, and what is said when they cannot be used."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import stat
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from synapse_core.errors import StoreError, StoreUnavailableError
from synapse_core.testing.store.samples import begun, checkpoint, log
from synapse_store import SQLiteStore
from tests.store.helpers import ended, filled, on, sql


async def listed(store: SQLiteStore) -> list[str]:
    return [run.id for run in await store.list_runs()]


def refusal(path: Path, **options) -> StoreError:
    """The error of a store that cannot be used, which is the same for reading and writing."""
    errors = []
    for use in (listed, begun):
        with pytest.raises(StoreError) as caught:
            on(path, use, **options)
        errors.append(caught.value)
        assert isinstance(caught.value.__cause__, sqlite3.Error | OSError | None)
    assert str(errors[0]) == str(errors[1])
    assert str(path) in errors[0].message
    assert errors[0].hint
    assert not isinstance(errors[0], StoreUnavailableError)
    return errors[0]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# -- permissions ------------------------------------------------------------------------------------------------


def test_only_the_owner_may_look(tmp_path) -> None:
    """The folder is 0700, every file in it 0600, whatever the umask, also large values and backups."""
    path = tmp_path / "new" / "new" / "runs.db"

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        await store.append(run_id, [], checkpoints=[checkpoint(run_id, "load", 0, "x" * 2_000_000)])
        await store.export(path.with_name("runs.jsonl"))
        names = {entry.name for entry in path.parent.iterdir()}
        assert names == {"runs.db", "runs.db-wal", "runs.db-shm", "runs.db.blobs", "runs.jsonl"}
        for entry in path.parent.rglob("*"):
            assert mode(entry) == (0o700 if entry.is_dir() else 0o600), entry

    before = os.umask(0)
    try:
        on(path, body)
    finally:
        os.umask(before)
    assert mode(path.parent) == mode(tmp_path / "new") == 0o700


def test_a_folder_that_is_there_stays_as_it_is(tmp_path) -> None:
    """A folder that the user has made is the user's."""
    tmp_path.chmod(0o755)
    filled(tmp_path / "runs.db")
    assert mode(tmp_path) == 0o755
    assert mode(tmp_path / "runs.db") == 0o600


@pytest.mark.parametrize("name", ["with space.db", "größe ☃.db", "50%25?#&=;.db", "'quoted\".db", "a\nb.db"])
def test_names_that_are_awkward(tmp_path, name: str) -> None:
    """Whatever a file system takes."""
    path = tmp_path / "größe %20" / name
    (run_id,) = filled(path)
    assert on(path, listed) == [run_id]
    assert path.is_file()


def test_nothing_is_left_behind(tmp_path) -> None:
    """A store that is closed is one file."""
    filled(tmp_path / "runs.db")
    assert [entry.name for entry in tmp_path.iterdir()] == ["runs.db"]


# -- files that cannot be used ----------------------------------------------------------------------------------


def test_a_folder_is_no_file(tmp_path) -> None:
    """The message says what to write instead."""
    error = refusal(tmp_path)
    assert "is a folder" in error.message
    assert "runs.db" in str(error.hint)


def test_a_file_is_no_folder(tmp_path) -> None:
    """Somewhere on the way there is a file."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file, not a folder"):
        on(tmp_path / "file" / "runs.db", listed)


def test_a_file_that_is_no_database(tmp_path) -> None:
    """It is left as it is."""
    path = tmp_path / "runs.db"
    text = "these are notes, and no database at all\n" * 100
    path.write_text(text)
    assert "no SQLite database" in refusal(path).message
    assert path.read_text() == text


def test_another_applications_database(tmp_path) -> None:
    """By its tables, or by its header; it is left as it is."""
    for number, statement in enumerate(["CREATE TABLE notes (text)", "PRAGMA application_id = 7"]):
        path = tmp_path / f"{number}.db"
        sql(path, statement)
        before = path.read_bytes()
        assert "another application" in refusal(path).message
        assert path.read_bytes() == before
        with pytest.raises(StoreError, match="another application"):
            on(path, SQLiteStore.check)


def test_an_empty_file_becomes_a_store(tmp_path) -> None:
    """Such as ``mktemp`` makes."""
    (tmp_path / "runs.db").touch()
    assert len(filled(tmp_path / "runs.db")) == 1


def _damage(path: Path) -> None:
    """Overwrite pages in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[4096 * 3 : len(data) - 4096] = b"\xa5" * (len(data) - 4096 * 4)
    path.write_bytes(data)


def test_a_damaged_file_is_said_to_be_damaged(tmp_path) -> None:
    """Whoever reads or writes it is told what to do; `check` lists what is wrong, `export` saves what it can."""
    path = tmp_path / "runs.db"
    filled(path, runs=30, logs=200)
    _damage(path)

    async def everything(store: SQLiteStore) -> None:
        for run in await store.list_runs():
            await store.read(run.id)
            await store.append(run.id, [log(1)])
        await begun(store)

    with pytest.raises(StoreError, match="damaged") as caught:
        on(path, everything)
    assert "synapse store check" in str(caught.value.hint)
    assert on(path, SQLiteStore.check).problems
    report = on(path, lambda store: store.export(tmp_path / "saved.jsonl"))
    assert report.problems


def _first_page(path: Path, table: str) -> int:
    return int(sql(path, f"SELECT rootpage FROM sqlite_master WHERE name = '{table}'")[0][0])


def test_what_can_be_read_of_a_damaged_file_is_looked_at(tmp_path) -> None:
    """One table's damage keeps `check` from nothing else: it says which runs are concerned."""
    path = tmp_path / "runs.db"
    ids = filled(path, runs=3, logs=20)
    data = bytearray(path.read_bytes())
    start = 4096 * (_first_page(path, "checkpoints") - 1)
    data[start : start + 4096] = b"\xa5" * 4096
    path.write_bytes(data)
    report = on(path, SQLiteStore.check)
    assert report.runs == 3
    for run_id in ids:
        assert any(problem.startswith(f"run {run_id} cannot be read") for problem in report.problems)


def test_a_file_that_was_cut_short(tmp_path) -> None:
    """SQLite refuses all of it; `export` saves what there is, and `check` looks at it."""
    path = tmp_path / "runs.db"
    ids = filled(path, runs=3)
    os.truncate(path, 4096 * max(_first_page(path, table) for table in ("runs", "records", "events", "checkpoints")))
    assert "damaged" in refusal(path).message
    report = on(path, SQLiteStore.check)
    assert (report.runs, bool(report.problems)) == (3, True)
    on(path, lambda store: store.export(tmp_path / "saved.jsonl"))
    lines = [json.loads(line) for line in (tmp_path / "saved.jsonl").read_text().splitlines()]
    assert {line["id"] for line in lines if line["type"] == "run"} == set(ids)
    assert {line["run_id"] for line in lines if line["type"] == "event"} == set(ids)


def test_a_file_of_which_nothing_can_be_read(tmp_path) -> None:
    """Nobody is sent from `check` to `check`."""
    path = tmp_path / "runs.db"
    filled(path)
    data = bytearray(path.read_bytes())
    data[100:4096] = b"\xa5" * 3996
    path.write_bytes(data)
    for use in (SQLiteStore.check, lambda store: store.export(tmp_path / "saved.jsonl")):
        with pytest.raises(StoreError, match="damaged") as caught:
            on(path, use)
        assert "go back to a backup" in str(caught.value.hint)
        assert "store check" not in str(caught.value.hint)


@contextmanager
def locked_against_writing(path: Path):
    """Nobody, not even root, may write to a file or to what a folder lists."""
    before = mode(path)
    if os.geteuid():
        path.chmod(0o500 if path.is_dir() else 0o400)
    elif shutil.which("chattr") is None or subprocess.call(["chattr", "+i", path], stderr=subprocess.DEVNULL):
        pytest.skip("root may write everywhere here, and nothing can be made immutable")
    try:
        yield
    finally:
        if os.geteuid():
            path.chmod(before)
        else:
            subprocess.check_call(["chattr", "-i", path])


def test_a_file_that_cannot_be_written(tmp_path) -> None:
    """The message says so, and what to do."""
    path = tmp_path / "runs.db"
    filled(path)
    with locked_against_writing(path), pytest.raises(StoreError, match=r"read-only|permission|permitted") as caught:
        on(path, begun)
    assert str(path) in str(caught.value)


def test_a_folder_that_cannot_be_written(tmp_path) -> None:
    """Neither a new file nor the log of one that is there can be made."""
    filled(tmp_path / "there" / "runs.db")
    with locked_against_writing(tmp_path / "there"):
        for name in ("runs.db", "new.db"):
            with pytest.raises(StoreError) as caught:
                on(tmp_path / "there" / name, begun)
            assert str(tmp_path / "there") in str(caught.value)
            assert caught.value.hint
            if name == "runs.db":
                assert "read-only" in str(caught.value)


# -- files that go while they are used --------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["deleted", "all deleted", "replaced", "moved"])
def test_a_file_that_goes_while_it_is_used(tmp_path, how: str) -> None:
    """Nothing is written to nowhere: it is an error, and what was acknowledged is saved beside."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> list[str]:
        runs = [await ended(store, logs=50) for _ in range(3)]
        watching = asyncio.ensure_future(anext(aiter(store.watch(await begun(store), after=1))))
        await asyncio.sleep(0)
        _take_away(path, how)
        with pytest.raises(StoreError, match="while it was in use") as caught:
            await store.append(runs[0], [log(1)])
        assert f"saved to {path}.rescued" in str(caught.value.hint)
        for use in (store.list_runs(), begun(store), store.read(runs[0]), watching):
            with pytest.raises(StoreError, match="while it was in use"):
                await asyncio.wait_for(use, 60)
        return runs

    runs = on(path, body)
    rescued = path.with_name("runs.db.rescued")
    assert mode(rescued) == 0o600
    path.unlink(missing_ok=True)
    rescued.rename(path)
    assert set(on(path, listed)) > set(runs)
    assert on(path, SQLiteStore.check).problems == ()


def _take_away(path: Path, how: str) -> None:
    if how == "moved":
        path.rename(path.with_name("elsewhere.db"))
    elif how == "replaced":
        other = path.with_name("other.db")
        sql(other, "CREATE TABLE other (x)")
        other.rename(path)
    else:
        for name in path.parent.glob("runs.db*" if how == "all deleted" else "runs.db"):
            name.unlink()


def test_who_only_reads_is_told_where_to_look(tmp_path) -> None:
    """Of a file that goes, a reader may know before the writer has saved what was in it."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        await begun(store)
        path.unlink()
        with pytest.raises(StoreError, match="deleted while it was in use") as caught:
            await listed(store)
        assert f"{path}.rescued" in str(caught.value.hint)

    on(path, body)


def test_after_a_loss_a_new_store_begins_anew(tmp_path) -> None:
    """The path can be used again, while the store that lost its file still says so."""
    path = tmp_path / "runs.db"

    async def main() -> None:
        lost = SQLiteStore(path)
        await begun(lost)
        path.unlink()
        with pytest.raises(StoreError):
            await begun(lost)
        fresh = SQLiteStore(path)
        run_id = await begun(fresh)
        assert await listed(fresh) == [run_id]
        with pytest.raises(StoreError, match="deleted"):
            await begun(lost)
        await lost.aclose()
        assert await listed(fresh) == [run_id]
        await begun(fresh)
        await fresh.aclose()

    asyncio.run(main())


# -- full disks -------------------------------------------------------------------------------------------------


async def fill_up(store: SQLiteStore, run_id: str) -> tuple[int, StoreError]:
    """Write until it fails: the last number that was acknowledged, and the error."""
    last = 1
    for number in range(2, 5000):
        done = [log(number, "x" * 1000)]
        try:
            last = await store.append(run_id, done, checkpoints=[checkpoint(run_id, f"a{number}", 0, number)])
        except StoreError as error:
            return last, error
    raise AssertionError("it never got full")


async def check_acknowledged(store: SQLiteStore, run_id: str, last: int) -> None:
    """All that was acknowledged is there, and nothing else; events and checkpoints go together."""
    events = await store.read(run_id, limit=10_000)
    assert [event.seq for event in events] == list(range(1, last + 1))
    assert [c.result for c in await store.checkpoints(run_id)] == list(range(2, last + 1))
    assert (await store.list_runs())[0].id == run_id


def test_a_full_file(tmp_path) -> None:
    """What was acknowledged is kept, the error says what to do, and when there is room it goes on."""

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        connection = store._file.database.ledger().connection
        connection.execute("PRAGMA max_page_count = 60")
        last, error = await fill_up(store, run_id)
        assert "is full" in error.message
        assert "resumed" in str(error.hint)
        assert not isinstance(error, StoreUnavailableError)
        await check_acknowledged(store, run_id, last)
        connection.execute("PRAGMA max_page_count = 100000")
        assert await store.append(run_id, [log(1)]) == last + 1
        assert (await store.check()).problems == ()

    on(tmp_path / "runs.db", body)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no mount")
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place]
    if subprocess.call(mounting, stderr=subprocess.DEVNULL):
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk(small_disk) -> None:
    """As a full file; and when there is room again, it goes on."""
    hog = small_disk / "hog"
    hog.write_bytes(b"x" * 200_000)

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        last, error = await fill_up(store, run_id)
        assert "full" in str(error) or "cannot be read or written" in error.message
        await check_acknowledged(store, run_id, last)
        hog.unlink()
        assert await store.append(run_id, [log(1)]) == last + 1

    on(small_disk / "runs.db", body)


def test_a_full_disk_and_a_large_value(small_disk) -> None:
    """A value that goes to a file of its own is refused alike, and leaves nothing behind."""

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        huge = [checkpoint(run_id, "load", 0, "x" * 2_000_000)]
        with pytest.raises(StoreError, match="No space left") as caught:
            await store.append(run_id, [log(1)], checkpoints=huge)
        assert "resumed" in str(caught.value.hint)
        assert await store.append(run_id, [log(1)]) == 2
        assert list(await store.checkpoints(run_id)) == []

    on(small_disk / "runs.db", body)
    assert [entry for entry in small_disk.rglob("*") if entry.is_file() and entry.name != "runs.db"] == []
