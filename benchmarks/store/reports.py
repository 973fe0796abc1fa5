"""Progress and logs, which come in batches."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.store import bare
from benchmarks.suite import Theme, Work
from benchmarks.timing import in_thread
from synapse_core.events import Draft, Kind
from synapse_core.ids import new_run_id
from synapse_core.protocols import RunRecord
from synapse_store import SQLiteStore
from synapse_store.sqlite.blobs import Blobs
from synapse_store.sqlite.rows import Encoder

theme = Theme()

_EVENTS, _BATCH = 20_000, 1_000
_AT = datetime(2026, 11, 21, tzinfo=UTC)
_PLAN = {"name": "train", "nodes": [{"name": "train", "needs": []}]}


def _progress(number: int) -> Draft:
    return Draft(Kind.ACTION_PROGRESS, _AT, "train", 1, {"current": number, "total": _EVENTS, "category": "epochs"})


def _log(number: int) -> Draft:
    data = {"event": "step", "data": {"step": number, "loss": 1 / (number + 1)}, "level": "info"}
    return Draft(Kind.ACTION_LOG, _AT, "train", 1, data)


def _work(drafts: Sequence[Draft]) -> Iterator[Work]:
    batches = [drafts[start : start + _BATCH] for start in range(0, len(drafts), _BATCH)]
    with tempfile.TemporaryDirectory() as folder:
        store, file = SQLiteStore(Path(folder, "runs.db")), bare.opened(Path(folder, "bare.db"))
        rows = [Encoder(Blobs(Path(folder, "none"))).events(batch) for batch in batches]
        run = bare.Run("train", "{}", [])

        def ours() -> None:
            run_id = new_run_id()
            asyncio.run(store.create(RunRecord(run_id, "train", {}, _PLAN, _AT), [_created(run_id)]))
            for batch in batches:
                store.append_now(run_id, batch)

        def theirs() -> None:
            key = bare.begin_run(file, run)
            for number, batch in enumerate(rows):
                file.execute("BEGIN IMMEDIATE")
                bare.add(file, key, bare.Commit([(number * _BATCH + n, *row) for n, row in enumerate(batch)], []))
                file.execute("COMMIT")

        yield Work(in_thread(ours, len(drafts)), in_thread(theirs, len(drafts)))
        file.close()
        asyncio.run(store.aclose())


def _created(run_id: str) -> Draft:
    return Draft(Kind.RUN_CREATED, _AT, None, 0, {**_PLAN, "run": run_id})


_SAME = f"bare sqlite3: the same rows, encoded already, in batches of {_BATCH:,}"


@theme.measures("a stored report of progress", bare=_SAME, target=10e-6)
def progress() -> Iterator[Work]:
    """20,000 reports in batches of 1,000: encoded, numbered, folded into what lists show, and on disk."""
    return _work([_progress(number) for number in range(_EVENTS)])


@theme.measures("a stored log line", bare=_SAME, target=10e-6)
def logs() -> Iterator[Work]:
    """20,000 lines in batches of 1,000: encoded, numbered, and on disk."""
    return _work([_log(number) for number in range(_EVENTS)])
