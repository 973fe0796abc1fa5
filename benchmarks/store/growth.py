"""A store that has grown: what one asks of it costs what it costs where there is little."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks import scale
from benchmarks.store import bare
from benchmarks.suite import Sample, Theme, Work
from benchmarks.timing import once
from synapse_core.events import Draft, Kind
from synapse_core.models import ActionStatus, Checkpoint, RunStatus
from synapse_core.protocols import RunRecord
from synapse_store import SQLiteStore
from synapse_store.sqlite.blobs import Blobs
from synapse_store.sqlite.rows import Encoder
from synapse_store.sqlite.schema import APPLICATION_ID, VERSION
from synapse_store.sqlite.values import micros

theme = Theme()

_FEW, _EVENTS, _TIMES = 100, 100, 20
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_ACTIONS = tuple(f"step{number}" for number in range(10))
_SMALL = f"the same in a store of {_FEW} runs"


def _many() -> int:
    return scale.size(5_000, 100_000)


def _drafts() -> list[Draft]:
    """100 events of a run of ten actions."""
    nodes = [{"name": name, "needs": []} for name in _ACTIONS]
    drafts = [Draft(Kind.RUN_CREATED, _AT, None, 0, {"name": "grown", "nodes": nodes}), Draft(Kind.RUN_STARTED, _AT)]
    for name in _ACTIONS:
        drafts.append(Draft(Kind.ACTION_STARTED, _AT, name, 1))
        drafts += [Draft(Kind.ACTION_LOG, _AT, name, 1, {"event": "step", "level": "info"})] * 7
        drafts.append(Draft(Kind.ACTION_COMPLETED, _AT, name, 1))
    drafts += [Draft(Kind.ACTION_LOG, _AT, _ACTIONS[-1], 1, {"event": "bye"})] * (_EVENTS - len(drafts) - 1)
    return [*drafts, Draft(Kind.RUN_COMPLETED, _AT, None, 0, {"result": {"x": 1}})]


def _checkpoint(run_id: str, index: int) -> Checkpoint:
    return Checkpoint(run_id, _ACTIONS[index], index, ActionStatus.COMPLETED, {"x": 1}, 1, _AT, inputs_hash="0" * 64)


def _run_id(number: int) -> str:
    return f"{number:024x}"


def _fill(path: Path, runs: int) -> None:
    """A store of so many ended runs, written in bulk."""
    encoder = Encoder(Blobs(path.with_suffix(".none")))
    rows = [(seq, *row) for seq, row in enumerate(encoder.events(_drafts()), 1)]
    texts = [(number + 1, encoder.checkpoint(_checkpoint("", number))) for number in range(len(_ACTIONS))]
    file = bare.opened(path, "off")
    file.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    file.execute(f"PRAGMA user_version = {VERSION}")
    for first in range(1, runs + 1, 1000):
        keys = range(first, min(first + 1000, runs + 1))
        file.execute("BEGIN")
        file.executemany(
            "INSERT INTO runs (key, id, name, status, created_at, completed_at, progress, seq) "
            "VALUES (?, ?, ?, ?, ?, ?, 1.0, ?)",
            [_line(key) for key in keys],
        )
        file.executemany("INSERT INTO records VALUES (?, ?)", [(key, encoder.record(_record(key))) for key in keys])
        file.executemany(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", ((key, *row) for key in keys for row in rows)
        )
        file.executemany("INSERT INTO checkpoints VALUES (?, ?, ?)", ((key, *text) for key in keys for text in texts))
        file.execute("COMMIT")
    file.close()


def _line(key: int) -> tuple[Any, ...]:
    status = "failed" if key % 10 == 0 else "completed"
    at = micros(_AT + timedelta(minutes=key))
    return key, _run_id(key), f"pipeline{key % 7}", status, at, at, _EVENTS


def _record(key: int) -> RunRecord:
    return RunRecord(_run_id(key), f"pipeline{key % 7}", {"x": 1}, {"name": "grown"}, _AT + timedelta(minutes=key))


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Where the two stores are, made once for all rows."""
    folder = tempfile.TemporaryDirectory()
    _fill(Path(folder.name, "small.db"), _FEW)
    _fill(Path(folder.name, "large.db"), _many())
    return folder


Use = Callable[[SQLiteStore, str], Awaitable[Any]]


@contextmanager
def _stores() -> Iterator[tuple[SQLiteStore, SQLiteStore]]:
    folder = _folder().name
    large, small = SQLiteStore(Path(folder, "large.db")), SQLiteStore(Path(folder, "small.db"))
    try:
        yield large, small
    finally:
        asyncio.run(large.aclose())
        asyncio.run(small.aclose())


def _both(use: Use) -> Iterator[Work]:
    """``use`` of runs here and there in the large store, and in the small one."""
    with _stores() as (large, small):
        yield Work(_sample(large, use, _many()), _sample(small, use, _FEW))


def _sample(store: SQLiteStore, use: Use, runs: int) -> Sample:
    async def main() -> None:
        for turn in range(_TIMES):
            await use(store, _run_id(1 + (turn * 7919) % runs))

    return once(lambda: asyncio.run(main()), _TIMES)


@theme.measures("a page of the list of runs", bare=_SMALL, times=1.3)
def listed() -> Iterator[Work]:
    """The newest 50 runs of 5,000 with 500,000 events; of 100,000 with 10 million, at full size."""
    return _both(lambda store, _: store.list_runs(limit=50))


@theme.measures("… of those that failed", bare=_SMALL, times=1.3)
def failed() -> Iterator[Work]:
    """The newest 10 runs in one state."""
    return _both(lambda store, _: store.list_runs(status=RunStatus.FAILED, limit=10))


@theme.measures("… of one pipeline, further back", bare=_SMALL, times=1.3)
def named() -> Iterator[Work]:
    """Ten runs of one name, before a run somewhere."""
    return _both(lambda store, _: store.list_runs(name="pipeline3", before=_run_id(90), limit=10))


@theme.measures("… since a time", bare=_SMALL, times=1.3)
def recent() -> Iterator[Work]:
    """The runs of the last half hour."""

    def use(store: SQLiteStore, _: str) -> Awaitable[Any]:
        runs = _many() if "large" in str(store.location) else _FEW
        return store.list_runs(since=_AT + timedelta(minutes=runs - 30), limit=50)

    return _both(use)


@theme.measures("what show reads of a run", bare=_SMALL, times=1.3)
def shown() -> Iterator[Work]:
    """Its record, its state (from its events, as nobody has asked for it before), its lease."""

    async def use(store: SQLiteStore, run_id: str) -> None:
        store._file.reading.folds.clear()
        await store.record(run_id)
        await store.progress(run_id)
        await store.lease(run_id)

    return _both(use)


@theme.measures("what a resume reads of a run", bare=_SMALL, times=1.3)
def resumed() -> Iterator[Work]:
    """Its record, its state, its checkpoints, and what its actions have saved of themselves."""

    async def use(store: SQLiteStore, run_id: str) -> None:
        store._file.reading.folds.clear()
        await store.record(run_id)
        await store.progress(run_id)
        await store.checkpoints(run_id)
        await store.read(run_id, kinds={Kind.ACTION_CHECKPOINT})

    return _both(use)


@theme.measures("an append to a run", bare=_SMALL, times=1.3)
def appended() -> Iterator[Work]:
    """The end of an action with its checkpoint, on disk, in runs here and there."""

    async def use(store: SQLiteStore, run_id: str) -> None:
        done = [Draft(Kind.ACTION_STARTED, _AT, "more", 1), Draft(Kind.ACTION_COMPLETED, _AT, "more", 1)]
        await store.append(run_id, done, checkpoints=[_checkpoint(run_id, 0)])

    return _both(use)


@theme.measures("a new run and its first append", bare=_SMALL, times=1.3)
def created() -> Iterator[Work]:
    """A run created, claimed and written to, on disk."""
    numbers = iter(range(10**9, 2 * 10**9))

    async def use(store: SQLiteStore, _: str) -> None:
        run = RunRecord(_run_id(next(numbers)), "new", {}, {"name": "new"}, _AT)
        await store.create(run, [Draft(Kind.RUN_CREATED, _AT, None, 0, {"name": "new"})])
        lease = await store.acquire(run.id, "benchmark", 60)
        await store.append(run.id, [Draft(Kind.RUN_STARTED, _AT)], lease=lease)

    return _both(use)
