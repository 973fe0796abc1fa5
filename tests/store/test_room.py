"""Room in the write-ahead log: commits write over what is there, and nothing of it is ever taken for a commit."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

from synapse_core.testing.store.samples import begun, log
from synapse_store import SQLiteStore
from synapse_store.sqlite import room
from tests.store.helpers import on, python, sql


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def size_of(path: Path) -> int:
    return log_of(path).stat().st_size


async def appended(store: SQLiteStore, run_id: str, times: int) -> None:
    for number in range(times):
        await store.append(run_id, [log(number)])


def test_commits_do_not_lengthen_the_log(tmp_path) -> None:
    """There is room before it is needed, and it lasts for many commits."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        sizes = set()
        for number in range(100):
            await store.append(run_id, [log(number)])
            sizes.add(size_of(path))
        assert len(sizes) < 10

    on(path, body)
    assert not log_of(path).exists()


def test_room_is_made_for_one_of_many_writers(tmp_path) -> None:
    """Two stores in two processes that write in turn do not each make room of their own."""
    path = tmp_path / "runs.db"
    code = """
import asyncio, sys
from synapse_core.testing.store.samples import log
from synapse_store import SQLiteStore

async def main():
    store = SQLiteStore(sys.argv[1])
    for line in sys.stdin:
        await store.append(line.strip(), [log(1)])
        print("written", flush=True)
    await store.aclose()

asyncio.run(main())
"""

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        with python(code, str(path), stdin=-1) as other:
            assert other.stdin is not None
            assert other.stdout is not None
            for number in range(25):
                await store.append(run_id, [log(number)])
                print(run_id, file=other.stdin, flush=True)
                assert other.stdout.readline() == "written\n"
            assert size_of(path) < 3 * room._FIRST
            other.stdin.close()
        assert len(await store.read(run_id)) == 51

    on(path, body)


def test_what_was_committed_is_found_behind_a_crash(tmp_path) -> None:
    """A file and its log as a power cut leaves them, room included, hold all that was acknowledged."""
    path, copy = tmp_path / "runs.db", tmp_path / "copy.db"

    async def body(store: SQLiteStore) -> str:
        run_id = await begun(store)
        await appended(store, run_id, 150)
        shutil.copy(path, copy)
        shutil.copy(log_of(path), log_of(copy))
        return run_id

    run_id = on(path, body)
    assert sql(copy, "PRAGMA integrity_check") == [("ok",)]

    async def look(store: SQLiteStore) -> None:
        assert len(await store.read(run_id)) == 151
        assert (await store.check()).problems == ()

    on(copy, look)


def test_room_is_made_again_where_the_log_was_cut(tmp_path) -> None:
    """A vacuum leaves an empty log; what is written then is whole, and has room."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        await appended(store, run_id, 10)
        await store.vacuum()
        assert size_of(path) == 0
        await appended(store, run_id, 10)
        assert size_of(path) >= room._FIRST
        assert len(await store.read(run_id)) == 21
        assert (await store.check()).problems == ()

    on(path, body)


def test_a_full_disk_is_left_to_those_who_write(tmp_path) -> None:
    """Where no room can be made, the log is as SQLite makes it, and commits go on."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        await appended(store, run_id, 3)
        await store.vacuum()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room._FIRST // 2, limits[1]))
        try:
            await appended(store, run_id, 5)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert 0 < size_of(path) < room._FIRST // 2
        assert len(await store.read(run_id)) == 9

    on(path, body)


def test_a_log_that_need_not_be_on_disk_gets_no_room(tmp_path) -> None:
    """With durability normal nobody waits for the file's length."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        await appended(store, await begun(store), 3)
        assert size_of(path) < room._FIRST

    on(path, body, durability="normal")


def test_no_file_stays_open(tmp_path) -> None:
    """A store that is closed has let go of its log."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        await appended(store, await begun(store), 3)

    on(path, body)
    held = [os.path.realpath(fd) for fd in Path("/proc/self/fd").iterdir()]
    assert not [name for name in held if name.startswith(str(tmp_path))]
