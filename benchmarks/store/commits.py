"""One run, one action after the other: what it costs to have each on disk before the next begins."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from benchmarks.samples import noop, run_through
from benchmarks.store import bare
from benchmarks.store.again import Recorded, recorded
from benchmarks.suite import Theme, Work
from benchmarks.timing import in_thread, once
from synapse_core import ActionPipeline, Session

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
    with recorded(_hundred()) as run:
        yield Work(
            in_thread(lambda: _write(run), _COUNT),
            in_thread(lambda: bare.write(run.file, run.rows), _COUNT),
        )


def _write(run: Recorded) -> None:
    record = run.renamed()
    asyncio.run(run.store.create(record, run.writes[0][0]))
    for drafts, checkpoints in run.writes[1:]:
        run.store.append_now(record.id, drafts, checkpoints)
