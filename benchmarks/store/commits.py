"""One run, one action after the other: what it costs to have each on disk before the next begins."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.samples import noop, run_through
from benchmarks.store import bare
from benchmarks.suite import Theme, Work
from benchmarks.timing import once
from synapse_core import ActionPipeline, Session
from synapse_core.events import Draft, Event
from synapse_core.ids import new_run_id
from synapse_core.models import Checkpoint
from synapse_core.protocols import RunRecord
from synapse_store import SQLiteStore

theme = Theme()

_COUNT = 100
_SAME = "bare sqlite3: the same rows, a commit an action"


def _sequence(durability: str) -> Iterator[Work]:
    pipeline = _hundred()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "runs.db")
        url = f"sqlite:///{path}?durability={durability}"
        file = bare.opened(Path(folder, "bare.db"), durability)
        with Session(store=url, work_base=folder, entry_points=True) as session:
            run_through(session, pipeline, {"x": 1})
            rows = bare.written(path)
            yield Work(
                once(lambda: run_through(session, pipeline, {"x": 1}), _COUNT),
                once(lambda: bare.write(file, rows), _COUNT),
            )
        file.close()


@theme.measures("an action of 100 in sequence, full durability", bare=_SAME, times=1.5)
def sequence() -> Iterator[Work]:
    """100 no-ops one after the other: each one's events and checkpoint are on disk before the next begins.

    The run's own cost is included: two commits, and claiming it and giving it back. The store is one in use:
    both sides soon write over a log that is long enough.
    """
    return _sequence("full")


@theme.measures("… in a new store", bare=_SAME, times=1.5, most=9)
def new_sequence() -> Iterator[Work]:
    """The same in a file that has had one run of one action, as where the command line is the only user: no log yet."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as closing:
        rows: list[bare.Run] = []
        names = count()

        def ours() -> float:
            path = Path(folder, f"runs{next(names)}.db")
            with Session(store=f"sqlite:///{path}", work_base=folder, entry_points=True) as session:
                run_through(session, ActionPipeline([noop], name="one"), {"x": 1})
                took = once(lambda: run_through(session, _hundred(), {"x": 1}), _COUNT)()
                rows[:] = [bare.written(path)]
            return took

        def theirs() -> float:
            file = closing.enter_context(contextlib.closing(bare.opened(Path(folder, f"bare{next(names)}.db"))))
            return once(lambda: bare.write(file, rows[0]), _COUNT)()

        yield Work(ours, theirs)


def _hundred() -> ActionPipeline:
    return ActionPipeline([noop] * _COUNT, name="sequence")


@theme.measures("an action of 100 in sequence, durability normal", bare=_SAME)
def normal_sequence() -> Iterator[Work]:
    """The same, where a commit does not wait for the disk."""
    return _sequence("normal")


@theme.measures("the store's part of an action, full durability", bare=_SAME, times=1.5)
def store_alone() -> Iterator[Work]:
    """What such a run writes, written again by `append_now` in one thread, without engine or actions."""
    pipeline = _hundred()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "runs.db")
        with Session(store=f"sqlite:///{path}", work_base=folder, entry_points=True) as session:
            run_through(session, pipeline, {"x": 1})
            record, writes = session.call(parts(session.store))
        rows, store = bare.written(path), SQLiteStore(path)
        file = bare.opened(Path(folder, "bare.db"))
        yield Work(
            in_thread(lambda: _write(store, record, writes), _COUNT),
            in_thread(lambda: bare.write(file, rows), _COUNT),
        )
        file.close()
        asyncio.run(store.aclose())


Writes = list[tuple[list[Draft], list[Checkpoint]]]


async def parts(store: Any) -> tuple[RunRecord, Writes]:
    """The newest run of a store: what was written of it, write by write."""
    (line,) = await store.list_runs(limit=1)
    events: list[Event] = await store.read(line.id, limit=100_000)
    made = {checkpoint.action_name: checkpoint for checkpoint in await store.checkpoints(line.id)}
    writes: Writes = [([], [])]
    for event in events:
        writes[-1][0].append(Draft(event.kind, event.time, event.action, event.attempt, event.payload))
        if event.kind == "action.completed":
            writes[-1][1].append(made[str(event.action)])
        if event.kind in {"run.created", "action.completed"}:
            writes.append(([], []))
    return await store.record(line.id), writes


def renamed(record: RunRecord) -> RunRecord:
    """The same run under a new id."""
    from attrs import evolve

    return evolve(record, id=new_run_id())


def _write(store: SQLiteStore, record: RunRecord, writes: Writes) -> None:
    run = renamed(record)
    asyncio.run(store.create(run, writes[0][0]))
    for drafts, checkpoints in writes[1:]:
        store.append_now(run.id, drafts, checkpoints)


def in_thread(work: Any, parts: int) -> Any:
    """As `once`, in a thread of its own, as actions are."""
    sample = once(work, parts)

    def run() -> float:
        took: list[float] = []
        thread = threading.Thread(target=lambda: took.append(sample()))
        thread.start()
        thread.join()
        return took[0]

    return run
