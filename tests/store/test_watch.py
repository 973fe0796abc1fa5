"""Watching across processes and within one, without looking at everything again and again."""

from __future__ import annotations

import asyncio

import pytest

from synapse_core.errors import RunNotFoundError
from synapse_core.events import Kind
from synapse_core.testing import until
from synapse_core.testing.store.rules import gathered
from synapse_core.testing.store.samples import begun, draft, everything, log
from synapse_store import SQLiteStore
from tests.store.helpers import counted, on, output_of, python

WRITE = """
import asyncio, sys
from synapse_core.events import Kind
from synapse_core.testing.store.samples import draft, log
from synapse_store import SQLiteStore

async def main():
    store = SQLiteStore(sys.argv[1])
    for number in range(int(sys.argv[3])):
        await store.append(sys.argv[2], [log(number), log(number)])
    if "cancel" in sys.argv:
        await store.append(sys.argv[2], [draft(Kind.RUN_CANCEL_REQUESTED, reason="enough")])
    if "end" in sys.argv:
        await store.append(sys.argv[2], [draft(Kind.RUN_COMPLETED)])
    if "delete" in sys.argv:
        await store.delete(sys.argv[2])
    await store.aclose()

asyncio.run(main())
"""

_END = draft(Kind.RUN_COMPLETED)


def test_what_another_process_writes_is_seen(tmp_path) -> None:
    """All of it, each event once, to the end of the run."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        watching = asyncio.ensure_future(gathered(store.watch(run_id)))
        writing = python(WRITE, str(path), run_id, "100", "end")
        found = await asyncio.wait_for(watching, 60)
        output_of(writing)
        assert [event.seq for event in found] == list(range(1, 203))
        assert found == await everything(store, run_id)

    on(path, body)


def test_a_cancel_from_another_process_is_seen_among_ones_own_events(tmp_path) -> None:
    """Though the run is written to all the time by this one."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        watching = asyncio.ensure_future(anext(aiter(store.watch(run_id, kinds={Kind.RUN_CANCEL_REQUESTED}))))
        canceller = python(WRITE, str(path), run_id, "0", "cancel")
        number = 0
        while not watching.done():
            await store.append(run_id, [log(number := number + 1)])
        (event,) = await watching
        assert event.payload == {"reason": "enough"}
        output_of(canceller)

    on(path, body)


def test_a_run_that_another_process_deletes_is_not_waited_for(tmp_path) -> None:
    """As if this one had."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        watching = asyncio.ensure_future(gathered(store.watch(run_id)))
        output_of(await asyncio.to_thread(python, WRITE, str(path), run_id, "0", "delete"))
        with pytest.raises(RunNotFoundError, match="deleted while it was watched"):
            await asyncio.wait_for(watching, 60)

    on(path, body)


def test_ones_own_events_that_are_not_wanted_are_not_read(tmp_path) -> None:
    """Who waits for a cancel of a run that this process writes hardly ever asks the file, and never about the past."""

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        await store.append(run_id, [log(0)])
        readers = counted(store)
        watching = asyncio.ensure_future(anext(aiter(store.watch(run_id, kinds={Kind.RUN_CANCEL_REQUESTED}))))
        for number in range(200):
            await store.append(run_id, [log(number)])
        assert len(readers.queries) < 50  # now and then it is looked for what others write
        assert readers.rows == 0
        await store.append(run_id, [draft(Kind.RUN_CANCEL_REQUESTED, reason="enough")])
        assert [event.seq for event in await asyncio.wait_for(watching, 60)] == [203]
        assert readers.rows == 1

    on(tmp_path / "runs.db", body)


def test_a_history_without_a_wanted_event_is_looked_through_once(tmp_path) -> None:
    """However much is written after it, and whoever wrote it."""

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        await store.append(run_id, [log(number) for number in range(2500)])
        store._file.hub._written.clear()  # as if another process had written it
        readers = counted(store)
        watching = asyncio.ensure_future(gathered(store.watch(run_id, kinds={Kind.RUN_COMPLETED})))
        watcher = await until(lambda: next(iter(store._file.hub._watchers.get(run_id, [])), None))
        await until(lambda: watcher.seen == 2501)
        await store.append(run_id, [log(1)])
        await until(lambda: watcher.seen == 2502)
        readers.reset()
        await store.append(run_id, [_END])
        assert [event.seq for event in await asyncio.wait_for(watching, 60)] == [2503]
        assert readers.rows == 1

    on(tmp_path / "runs.db", body)


def test_nobody_looks_when_nobody_watches(tmp_path) -> None:
    """The thread that looks for what others write ends, and comes back when it is needed."""

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        hub = store._file.hub
        for _ in range(2):
            watching = asyncio.ensure_future(gathered(store.watch(run_id, after=1)))
            await until(lambda: hub._looking is not None and hub._connection is not None)
            watching.cancel()
            await until(lambda: hub._looking is None and hub._connection is None)
            assert hub._watchers == {}
        await store.append(run_id, [_END])
        assert len(await gathered(store.watch(run_id))) == 2

    on(tmp_path / "runs.db", body)


def test_what_others_said_after_a_runs_end_is_told(tmp_path) -> None:
    """Who has written a run to its end reads on, where another process has added something since."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        await store.append(run_id, [draft(Kind.RUN_COMPLETED)])
        await asyncio.to_thread(lambda: output_of(python(LATE, str(path), run_id)))
        assert [event.seq for event in await gathered(store.watch(run_id))] == [1, 2, 3]

    on(path, body)


LATE = """
import asyncio, sys
from synapse_core.testing.store.samples import log
from synapse_store import SQLiteStore

async def main():
    store = SQLiteStore(sys.argv[1])
    await store.append(sys.argv[2], [log(1)])
    await store.aclose()

asyncio.run(main())
"""
