"""What many append at once is written together, and reads as if each had written alone."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synapse_core.errors import LeaseLostError, RunNotFoundError, StoreError
from synapse_core.events import Kind
from synapse_core.testing.store.samples import begun, draft, log
from synapse_store.once import Batch, SequenceError
from tests.store.helpers import on

_DRAFTS = st.sampled_from(
    [
        lambda number: draft(Kind.RUN_STARTED, number=number),
        lambda number: draft(Kind.ACTION_STARTED, "load", number, 1),
        lambda number: draft(Kind.ACTION_PROGRESS, "load", number, 1, current=number, total=100),
        lambda number: draft(Kind.ACTION_COMPLETED, "load", number, 1),
        lambda number: draft(Kind.RUN_FAILED, number=number, error="no"),
        log,
    ]
)
_BATCHES = st.lists(st.tuples(st.integers(0, 2), st.lists(_DRAFTS, max_size=3)), max_size=70)


@settings(max_examples=25, deadline=None)
@given(batches=_BATCHES)
def test_together_as_alone(tmp_path_factory, batches):
    """Events, states and what lists show are the same, whether batches share a transaction or not."""

    async def body(store, together):
        runs = [await begun(store) for _ in range(3)]
        seqs = [0, 0, 0]
        jobs = []
        for number, (which, makes) in enumerate(batches):
            seqs[which] += 1
            drafts = [make(number) for make in makes]
            jobs.append(store.append_once(runs[which], Batch("p", 1, seqs[which]), drafts))
        lasts = await asyncio.gather(*jobs) if together else [await job for job in jobs]
        told = [
            (await store.progress(run), [(e.seq, e.kind, e.payload) for e in await store.read(run)]) for run in runs
        ]
        shown = [(run.status, run.overall_progress, run.error) for run in await store.list_runs()]
        states = [(state.status, state.seq, state.overall_progress, state.progress) for state, _ in told]
        return lasts, states, [events for _, events in told], shown

    folder = tmp_path_factory.mktemp("bulk")
    alone = on(folder / "alone.db", lambda store: body(store, False))
    assert on(folder / "together.db", lambda store: body(store, True)) == alone


def test_what_another_process_has_written(tmp_path):
    """A row that is known is read again once somebody else has written: leases, last events, and batches."""
    path = tmp_path / "runs.db"

    async def body(store):
        run = await begun(store)
        lease = await store.acquire(run, "us", 60)
        last = await store.append_once(run, Batch("p", 1, 1), [log(1)], lease=lease)
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE producers SET seq = 2")
            other.execute("UPDATE runs SET epoch = epoch + 1, owner = 'them'")
        assert await store.append_once(run, Batch("p", 1, 2), [log(2)], lease=lease) == last
        with pytest.raises(LeaseLostError, match="epoch 2"):
            await store.append_once(run, Batch("p", 1, 3), [log(3)], lease=lease)
        with pytest.raises(SequenceError, match="batch 3"):
            await store.append_once(run, Batch("p", 1, 4), [log(4)])
        assert [event.seq for event in await store.read(run)][-1] == last

    on(path, body)


def test_what_cannot_be_written_harms_nobody(tmp_path):
    """Of those that share a transaction, one is refused by the database and the others are written, once."""

    async def body(store):
        runs = [await begun(store) for _ in range(10)]
        bad = draft(Kind.ACTION_LOG, "half a pair: \ud800")
        jobs = [store.append_once(run, Batch("p", 1, 1), [bad if run is runs[4] else log(1)]) for run in runs]
        found = await asyncio.gather(*jobs, return_exceptions=True)
        assert [isinstance(each, StoreError) for each in found] == [run is runs[4] for run in runs]
        before = [event.seq for event in await store.read(runs[4])]
        for run, last in zip(runs, found, strict=True):
            if run is not runs[4]:
                assert [event.seq for event in await store.read(run)] == [*before, last]
        assert await store.append_once(runs[4], Batch("p", 1, 1), [log(1)]) == found[0]

    on(tmp_path / "runs.db", body)


def test_a_run_that_is_deleted_beside_its_batches(tmp_path):
    """Nothing of it is left, and a batch that comes behind is refused."""
    path = tmp_path / "runs.db"

    async def body(store):
        run = await begun(store)
        jobs = [
            store.append_once(run, Batch("p", 1, 1), [log(1)]),
            store.delete(run),
            store.append_once(run, Batch("p", 1, 2), [log(2)]),
        ]
        found = await asyncio.gather(*jobs, return_exceptions=True)
        assert [isinstance(each, RunNotFoundError) for each in found] == [False, False, True]

    on(path, body)
    with closing(sqlite3.connect(path)) as file:
        tables = ("runs", "events", "producers", "garbage")
        assert [file.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables] == [0] * 4
