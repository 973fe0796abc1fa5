"""Group commit: writers share transactions, and one that is refused or fails harms no other."""

from __future__ import annotations

import asyncio
import threading

import pytest

from synapse_core.errors import LeaseLostError, RunNotFoundError, StoreError, StoreUnavailableError
from synapse_core.events import Draft, Kind, now
from synapse_core.testing import until
from synapse_core.testing.store.samples import begun, everything, log
from synapse_store import SQLiteStore
from synapse_store.sqlite.group import Request
from synapse_store.sqlite.shared import _files
from tests.store.helpers import in_thread, on, sql


def held_back(store: SQLiteStore):
    """The writer's turn: while it is held, everything queues up for one transaction."""
    return store._file.writer.turn()


async def together(store: SQLiteStore, *calls):
    """What calls give that are written in one transaction, exceptions too."""
    with held_back(store):
        tasks = [asyncio.ensure_future(call) for call in calls]
        await until(lambda: len(store._file.writer._queue) == len(calls))
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_concurrent_writers_share_a_transaction(tmp_path) -> None:
    """What queues up while somebody writes is one commit."""

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        database = store._file.database
        begins = []
        database.ledger().connection.set_trace_callback(lambda text: begins.append(text) if "BEGIN" in text else None)
        given = await together(store, *(store.append(run_id, [log(n)]) for n in range(50)))
        assert given == list(range(2, 52))
        assert len(begins) == 1

    on(tmp_path / "runs.db", body)


def test_a_refusal_harms_no_other(tmp_path) -> None:
    """A lost lease, an unknown run, a run that is there, a value that is no JSON: the others are written."""

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        record = await store.record(run_id)
        old = await store.acquire(run_id, "old", 60)
        new = await store.acquire(run_id, "new", 60, over=old)
        bad = Draft(Kind.ACTION_LOG, now(), "load", 1, {"value": object()})
        given = await together(
            store,
            store.append(run_id, [log(1)], lease=old),
            store.append(run_id, [log(2)], lease=new),
            store.append("nobody", [log(3)]),
            store.create(record, [log(4)]),
            store.append(run_id, [bad]),
            store.append(run_id, [log(5)]),
        )
        kinds = [type(each) for each in given]
        assert kinds == [LeaseLostError, int, RunNotFoundError, StoreError, StoreError, int]
        assert "object is no JSON data" in str(given[4])
        messages = [event.payload.get("message") for event in await store.read(run_id, after=1)]
        assert messages == ["line 2", "line 5"]

    on(tmp_path / "runs.db", body)


def test_one_that_fails_half_way_harms_no_other(tmp_path) -> None:
    """The shared transaction comes to nothing, and each is written in its own."""

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)

        def breaks(ledger, _entry):
            ledger.connection.execute("UPDATE runs SET seq = 99")
            raise RuntimeError("half-way")

        writer = store._file.writer
        given = await together(
            store,
            store.append(run_id, [Draft(Kind.RUN_STARTED, now())]),
            writer.acall(Request(breaks)),
            store.append(run_id, [log(1)]),
        )
        assert (given[0], given[2]) == (2, 3)
        assert isinstance(given[1], StoreError)
        assert "half-way" in str(given[1])
        assert [event.seq for event in await store.read(run_id)] == [1, 2, 3]
        assert (await store.list_runs())[0].status == "running"
        assert (await store.check()).problems == ()

    on(tmp_path / "runs.db", body)


def test_a_cancelled_append_is_written(tmp_path) -> None:
    """Whoever stops waiting changes nothing for the others."""

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        with held_back(store):
            given_up = asyncio.ensure_future(store.append(run_id, [log(1)]))
            other = asyncio.ensure_future(store.append(run_id, [log(2)]))
            await until(lambda: len(store._file.writer._queue) == 2)
            given_up.cancel()
        assert await other == 3
        assert given_up.cancelled()
        assert len(await store.read(run_id)) == 3

    on(tmp_path / "runs.db", body)


def test_threads_and_loops_write_together(tmp_path) -> None:
    """Threads, several loops, several stores on one file, and the main thread: each event is there once."""
    before = set(_files)
    store, other = SQLiteStore(tmp_path / "runs.db"), SQLiteStore(tmp_path / "." / "runs.db")
    run_id = asyncio.run(begun(store))
    failed: list[BaseException] = []

    def write(name: str, which: SQLiteStore) -> None:
        try:
            for number in range(30):
                which.append_now(run_id, [log(number, name)])
        except Exception as error:  # noqa: BLE001  told to the test's own thread
            failed.append(error)

    async def awrite(name: str) -> None:
        for number in range(30):
            await other.append(run_id, [log(number, name)])

    threads = [threading.Thread(target=write, args=(f"t{n}", [store, other][n % 2])) for n in range(6)]
    threads += [threading.Thread(target=lambda n=n: asyncio.run(awrite(f"a{n}"))) for n in range(3)]
    for thread in threads:
        thread.start()
    write("main", store)
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(_files) == len(before) + 1

    async def check() -> None:
        events = (await everything(store, run_id))[1:]
        assert [event.seq for event in events] == list(range(2, 302))
        for name in {event.action for event in events}:
            mine = [event.payload["message"] for event in events if event.action == name]
            assert mine == [f"line {n}" for n in range(30)]
        await store.aclose()
        await other.aclose()

    asyncio.run(check())
    assert set(_files) == before


def test_append_now_needs_no_loop_and_no_thread(tmp_path) -> None:
    """An uncontended call commits in the calling thread."""
    store = SQLiteStore(tmp_path / "runs.db")
    run_id = asyncio.run(begun(store))
    ran: list[str] = []
    store._file.database.ledger().connection.set_trace_callback(lambda _: ran.append(threading.current_thread().name))

    def work() -> int:
        threading.current_thread().name = "mine"
        return store.append_now(run_id, [log(1)])

    assert in_thread(work) == 2
    assert set(ran) == {"mine"}
    asyncio.run(store.aclose())


def test_a_closed_store_says_so(tmp_path) -> None:
    """What was begun before is written, and nothing after; closing twice is no harm."""

    async def main() -> None:
        store = SQLiteStore(tmp_path / "runs.db")
        run_id = await begun(store)
        with held_back(store):
            waiting = [asyncio.ensure_future(store.append(run_id, [log(n)])) for n in range(3)]
            await until(lambda: len(store._file.writer._queue) == 3)
            closing = asyncio.ensure_future(store.aclose())
        await closing
        assert await asyncio.gather(*waiting) == [2, 3, 4]
        await store.aclose()
        with pytest.raises(StoreError, match="closed"):
            await store.append(run_id, [log(1)])
        with pytest.raises(StoreError, match="closed"):
            store.append_now(run_id, [log(1)])
        with pytest.raises(StoreError, match="closed"):
            await store.read(run_id)

    asyncio.run(main())
    assert sql(tmp_path / "runs.db", "SELECT seq FROM runs") == [(4,)]


def test_a_locked_file_is_worth_another_try(tmp_path) -> None:
    """Beyond the timeout it is a `StoreUnavailableError` for each that waits; then it works again. Reading goes on."""

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        import sqlite3

        locker = sqlite3.connect(tmp_path / "runs.db", isolation_level=None)
        locker.execute("BEGIN IMMEDIATE")
        given = await together(store, *(store.append(run_id, [log(n)]) for n in range(3)))
        assert [type(each) for each in given] == [StoreUnavailableError] * 3
        assert "in use" in str(given[0])
        assert "database is locked" not in str(given[0])
        assert "?timeout=" in str(given[0])
        assert len(await store.read(run_id)) == 1
        assert (await store.progress(run_id)).seq == 1
        locker.execute("ROLLBACK")
        locker.close()
        assert await store.append(run_id, [log(9)]) == 2

    on(tmp_path / "runs.db", body, timeout=0.05)


def test_whoever_asks_for_more_durability_gets_it(tmp_path) -> None:
    """Stores of one process share a writer: it is as durable as the most careful one wants."""

    def synchronous(store: SQLiteStore):
        return store._file.database.ledger().connection.execute("PRAGMA synchronous").fetchone()[0]

    async def main() -> None:
        fast, safe = SQLiteStore(tmp_path / "a.db", durability="normal"), SQLiteStore(tmp_path / "a.db")
        await fast.list_runs()
        assert synchronous(fast) == 1
        await safe.list_runs()
        assert synchronous(fast) == synchronous(safe) == 2
        await safe.aclose()
        await fast.aclose()

    asyncio.run(main())


def test_long_transactions_are_cut(tmp_path) -> None:
    """However much queues up, no transaction takes all of it."""

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        commits = []
        connection = store._file.database.ledger().connection
        connection.set_trace_callback(lambda text: commits.append(text) if text == "COMMIT" else None)
        many = [log(number) for number in range(8000)]
        assert await together(store, *(store.append(run_id, many) for _ in range(6))) == [
            1 + 8000 * n for n in range(1, 7)
        ]
        assert len(commits) == 2

    on(tmp_path / "runs.db", body)
