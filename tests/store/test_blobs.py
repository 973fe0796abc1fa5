"""Large values are files beside the database, named by their hash."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from synapse_core.errors import RunNotFoundError, StoreError
from synapse_core.events import Kind
from synapse_core.testing.store.samples import begun, checkpoint, created, draft, log, new_run
from synapse_store import SQLiteStore
from synapse_store.sqlite.blobs import LARGE
from tests.store.helpers import on, sql

LARGE_TEXT = "größe 🦆 " * (LARGE // 8)


def files(path: Path) -> list[Path]:
    folder = path.with_name(path.name + ".blobs")
    return sorted(entry for entry in folder.rglob("*") if entry.is_file())


async def end(store: SQLiteStore, run_id: str) -> None:
    await store.append(run_id, [draft(Kind.RUN_COMPLETED)])


def test_large_values_come_back(tmp_path) -> None:
    """Payloads, results, params; the database itself stays small."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        run = new_run()
        object.__setattr__(run, "params", {"text": LARGE_TEXT})
        await store.create(run, [created(run)])
        made = checkpoint(run.id, "load", 0, {"text": LARGE_TEXT})
        await store.append(run.id, [draft(Kind.ACTION_LOG, "load", 1, 1, message=LARGE_TEXT)], checkpoints=[made])
        assert await store.record(run.id) == run
        assert list(await store.checkpoints(run.id)) == [made]
        assert (await store.read(run.id, after=1))[0].payload == {"message": LARGE_TEXT}
        assert (await store.check()).problems == ()

    on(path, body)
    assert path.stat().st_size < 200_000
    assert len(files(path)) == 4  # the record, the first event's payload, the checkpoint, the log line
    for file in files(path):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.name
        assert file.parent.name == file.name[:2]


def test_values_of_ordinary_size_make_no_files(tmp_path) -> None:
    """There is not even a folder."""

    async def body(store: SQLiteStore) -> None:
        await store.append(await begun(store), [draft(Kind.ACTION_LOG, message="x" * (LARGE - 100))])

    on(tmp_path / "runs.db", body)
    assert [entry.name for entry in tmp_path.iterdir()] == ["runs.db"]


def test_equal_values_are_one_file_until_the_last_run_goes(tmp_path) -> None:
    """Deleting a run takes away what no other refers to."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        shared = draft(Kind.ACTION_LOG, message=LARGE_TEXT)
        first, second = await begun(store), await begun(store)
        for run_id in (first, second):
            await store.append(run_id, [shared, shared])
        await store.append(first, [draft(Kind.ACTION_LOG, message=LARGE_TEXT + "!")])
        assert len(files(path)) == 2
        await store.delete(first)
        assert len(files(path)) == 1
        assert (await store.read(second, after=1))[0].payload == shared.payload
        await store.delete(second)
        assert files(path) == []

    on(path, body)


def test_a_refused_value_leaves_no_file(tmp_path) -> None:
    """Neither in its place nor half-written."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        with pytest.raises(RunNotFoundError):
            await store.append("nobody", [draft(Kind.ACTION_LOG, message=LARGE_TEXT)])
        half = [draft(Kind.ACTION_LOG, message=LARGE_TEXT), draft(Kind.ACTION_LOG, value=object())]
        with pytest.raises(StoreError, match="no JSON data"):
            await store.append(await begun(store), half)

    on(path, body)
    assert files(path) == []


def test_what_crashes_leave_is_swept_away(tmp_path) -> None:
    """By `vacuum`: files that no run refers to, and parts that nobody writes any more; what is young or ours stays."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        await store.append(run_id, [draft(Kind.ACTION_LOG, message=LARGE_TEXT)])
        (kept,) = files(path)
        folder = kept.parents[1]
        stray = folder / "ab" / ("ab" + "0" * 62)
        stray.parent.mkdir(exist_ok=True)
        old, young, notes = folder / ".part-old", folder / ".part-young", folder / "notes.txt"
        for file in (stray, old, young, notes):
            file.touch()
        os.utime(old, (time.time() - 7200, time.time() - 7200))
        assert (await store.vacuum()).files == 2
        assert files(path) == sorted([kept, young, notes])
        assert len(await store.read(run_id)) == 2

    on(path, body)


def test_a_large_value_that_is_gone_or_damaged(tmp_path) -> None:
    """The error names the file; what is beside it can still be read; `check` lists it."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        gone, damaged, other = [await begun(store) for _ in range(3)]
        for run_id in (gone, damaged):
            await store.append(run_id, [draft(Kind.ACTION_LOG, message=run_id + LARGE_TEXT), log(1)])
        await store.append(other, [log(1)])
        refs = dict(sql(path, "SELECT id, hash FROM blobs JOIN runs ON run = key"))
        by_name = {file.name: file for file in files(path)}
        by_name[refs[gone]].unlink()
        by_name[refs[damaged]].write_text("something else")
        with pytest.raises(StoreError, match=f"{refs[gone]}, which holds a large value"):
            await store.read(gone)
        with pytest.raises(StoreError, match="damaged"):
            await store.read(damaged)
        assert len(await store.read(gone, after=2)) == len(await store.read(other, after=1)) == 1
        problems = (await store.check()).problems
        assert sum(refs[gone] in text for text in problems) >= 1
        assert sum(refs[damaged] in text for text in problems) >= 1
        report = await store.export(tmp_path / "saved.jsonl")
        assert len(report.problems) == 2
        assert report.runs == 3

    on(path, body)
