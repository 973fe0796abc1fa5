"""Many runs at once: they share transactions."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.samples import noop, run_through
from benchmarks.store import bare
from benchmarks.store.again import Recorded, recorded
from benchmarks.suite import Theme, Work
from benchmarks.timing import once
from synapse_core import ActionPipeline, Session

theme = Theme()

_RUNS, _ACTIONS, _GROUP = 200, 3, 50
_ALL = _RUNS * _ACTIONS
_SAME = f"bare sqlite3: the same rows, a commit for every {_GROUP} writes"


def _three() -> ActionPipeline:
    return ActionPipeline([noop] * _ACTIONS, name="three")


def _write(file: sqlite3.Connection, run: bare.Run) -> None:
    """All runs side by side, as many writes in a commit as there are runs that write at once."""
    file.execute("BEGIN IMMEDIATE")
    keys = [bare.begin_run(file, run) for _ in range(_RUNS)]
    for step in run.commits:
        for number, key in enumerate(keys):
            bare.add(file, key, step)
            if number % _GROUP == 0:
                file.execute("COMMIT")
                file.execute("BEGIN IMMEDIATE")
    file.execute("COMMIT")


@theme.measures("an action of 200 runs × 3 at once", bare=_SAME, target=0.1e-3, most=5)
def runs() -> Iterator[Work]:
    """200 runs of three no-ops, submitted at once and waited for; each action is on disk before the next begins.

    All that a run costs is included: plan, claim, engine, sessions, its own events.
    """
    pipeline = _three()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "runs.db")
        file = bare.opened(Path(folder, "bare.db"))
        with Session(store=f"sqlite:///{path}", work_base=folder, entry_points=True) as session:
            run_through(session, pipeline, {"x": 1})
            rows = bare.written(path)
            yield Work(once(lambda: _run(session, pipeline), _ALL), once(lambda: _write(file, rows), _ALL))
        file.close()


def _run(session: Session, pipeline: Any) -> None:
    async def main() -> None:
        ids = await asyncio.gather(*(session.submit_async(pipeline, {"x": 1}) for _ in range(_RUNS)))
        await asyncio.gather(*(session.wait_async(run_id) for run_id in ids))

    asyncio.run(main())


@theme.measures("the store's part of that", bare=_SAME, target=0.1e-3)
def store_alone() -> Iterator[Work]:
    """What these runs write, by 200 tasks at once: create, claim, three writes with checkpoints, the end, give back."""
    with recorded(_three()) as run:

        async def main() -> None:
            await asyncio.gather(*(_one(run) for _ in range(_RUNS)))

        yield Work(once(lambda: asyncio.run(main()), _ALL), once(lambda: _write(run.file, run.rows), _ALL))


async def _one(run: Recorded) -> None:
    store, record = run.store, run.renamed()
    await store.create(record, run.writes[0][0])
    lease = await store.acquire(record.id, "benchmark", 60)
    for drafts, checkpoints in run.writes[1:]:
        await store.append(record.id, drafts, checkpoints=checkpoints, lease=lease)
    await store.release(lease)
