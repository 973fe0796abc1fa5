"""What a run has written, to be written again: by the store without an engine, and by bare sqlite3."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from attrs import evolve, frozen

from benchmarks.samples import run_through
from benchmarks.store import bare
from synapse_core import ActionPipeline, Session
from synapse_core.events import Draft
from synapse_core.ids import new_run_id
from synapse_core.models import Checkpoint
from synapse_core.protocols import RunRecord, Store
from synapse_store import SQLiteStore

Writes = list[tuple[list[Draft], list[Checkpoint]]]


@frozen
class Recorded:
    """A run that was run once: for ``store``, its record and its writes; for the bare ``file``, its rows."""

    store: SQLiteStore
    record: RunRecord
    writes: Writes
    file: sqlite3.Connection
    rows: bare.Run

    def renamed(self) -> RunRecord:
        """The same run under a new id."""
        return evolve(self.record, id=new_run_id())


@contextmanager
def recorded(pipeline: ActionPipeline) -> Iterator[Recorded]:
    """Run the pipeline, and open the store that it was run in, and a bare file, anew."""
    with tempfile.TemporaryDirectory() as folder, closing(bare.opened(Path(folder, "bare.db"))) as file:
        path = Path(folder, "runs.db")
        with Session(store=f"sqlite:///{path}", work_base=folder, entry_points=True) as session:
            run_through(session, pipeline, {"x": 1})
            record, writes = session.call(_newest(session.store))
        store = SQLiteStore(path)
        yield Recorded(store, record, writes, file, bare.written(path))
        asyncio.run(store.aclose())


async def _newest(store: Store) -> tuple[RunRecord, Writes]:
    """The newest run of a store: what was written of it, write by write."""
    (line,) = await store.list_runs(limit=1)
    made = {checkpoint.action_name: checkpoint for checkpoint in await store.checkpoints(line.id)}
    writes: Writes = [([], [])]
    for event in await store.read(line.id, limit=100_000):
        writes[-1][0].append(Draft(event.kind, event.time, event.action, event.attempt, event.payload))
        if event.kind == "action.completed":
            writes[-1][1].append(made[str(event.action)])
        if event.kind in {"run.created", "action.completed"}:
            writes.append(([], []))
    return await store.record(line.id), writes
