"""The memory store, beyond the contract of stores: what it forgets, and what it keeps out of memory."""

from __future__ import annotations

import asyncio
import threading

import pytest

from synapse_core.builtin.memory import MemoryStore
from synapse_core.builtin.memory.log import EventLog
from synapse_core.errors import RunNotFoundError
from synapse_core.events import Draft, Kind
from synapse_core.fold import fold
from synapse_core.protocols import DirectStore
from synapse_core.testing import until
from synapse_core.testing.store.rules import gathered
from synapse_core.testing.store.samples import begun, created, draft, everything, log, new_run

END = draft(Kind.RUN_COMPLETED)


def numbered(count: int) -> list[Draft]:
    return [log(number) for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 19, 20, 21, 100, 137])
def test_a_log_reads_the_same_in_memory_and_in_its_file(count: int):
    """Wherever reading begins, and whatever is left out."""
    spilled, whole = EventLog("run", keep=20), EventLog("run", keep=10**6)
    for start in range(0, count, 7):
        part = numbered(count)[start : start + 7]
        spilled.extend(part)
        whole.extend(part)
    assert len(spilled) == len(whole) == count
    for after in range(count + 2):
        assert spilled.read(after, 1000) == whole.read(after, 1000)
    assert spilled.read(3, 5, {Kind.ACTION_LOG}, "train") == whole.read(3, 5, {Kind.ACTION_LOG}, "train")
    spilled.close()


def test_a_log_that_cannot_be_written_stays_in_memory(monkeypatch: pytest.MonkeyPatch):
    """A full disk loses nothing; it is said once."""
    full = EventLog("run", keep=10)
    with monkeypatch.context() as patched:
        patched.setattr("tempfile.TemporaryFile", _no_room)
        with pytest.warns(ResourceWarning, match="No space left"):
            full.extend(numbered(20))
    full.extend(numbered(30))
    assert [event.seq for event in full.read(0, 100)] == list(range(1, 51))


def _no_room(**_: object) -> None:
    raise OSError(28, "No space left on device")


def test_the_state_of_a_long_run_is_the_fold():
    """Also where the run's events have long left memory."""

    async def body() -> None:
        store = MemoryStore()
        run_id = await begun(store, draft(Kind.RUN_STARTED), draft(Kind.ACTION_STARTED, "train", 1, 1))
        for _ in range(6):
            await store.append(run_id, numbered(7000))
        await store.append(run_id, [draft(Kind.ACTION_COMPLETED, "train", 1, 1), END])
        assert await store.progress(run_id) == fold(await everything(store, run_id))
        await store.delete(run_id)

    asyncio.run(body())


def test_ended_runs_beyond_a_number_are_forgotten():
    """The oldest first; those that have not ended stay, and so do those that are watched."""

    async def body() -> None:
        store = MemoryStore(max_runs=2)
        running, watched = await begun(store), await begun(store)
        watching = aiter(store.watch(watched))
        await anext(watching)
        ended = [watched, *[await begun(store) for _ in range(4)]]
        for run_id in ended:
            await store.append(run_id, [END])
        assert [run.id for run in await store.list_runs()] == [ended[-1], watched, running]
        with pytest.raises(RunNotFoundError):
            await store.read(ended[1])
        assert [event.kind async for batch in watching for event in batch] == [Kind.RUN_COMPLETED]

    asyncio.run(body())


def test_it_can_be_written_to_from_any_thread():
    """The threads of actions append at once, without a loop; no number is lost."""
    store = MemoryStore()
    assert isinstance(store, DirectStore)
    assert not store.waits
    run = new_run()
    store.create_now(run, [created(run)])
    threads = [
        threading.Thread(target=lambda: [store.append_now(run.id, [log(number)]) for number in range(500)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.seq for event in asyncio.run(everything(store, run.id))] == list(range(1, 2002))


def test_a_watcher_is_woken_from_other_threads():
    """The writer has no loop at all."""

    async def body() -> None:
        store = MemoryStore()
        run_id = await begun(store)
        watching = asyncio.ensure_future(gathered(store.watch(run_id)))
        await asyncio.to_thread(store.append_now, run_id, [log(1)])
        await asyncio.to_thread(store.append_now, run_id, [END])
        assert len(await asyncio.wait_for(watching, 60)) == 3

    asyncio.run(body())


def test_a_watcher_whose_loop_is_gone_harms_nobody():
    """A loop that was closed with the watch open: the run goes on, and others are told."""
    store = MemoryStore()
    run = new_run()
    store.create_now(run, [created(run)])

    loop = asyncio.new_event_loop()
    left = store.watch(run.id)
    loop.run_until_complete(anext(left))
    loop.close()

    store.append_now(run.id, [log(1)])
    store.append_now(run.id, [END])
    assert len(asyncio.run(gathered(store.watch(run.id)))) == 3


def test_a_watcher_of_some_kinds_looks_at_no_event_twice(monkeypatch: pytest.MonkeyPatch):
    """An engine waits for a cancel in a run of a million logs: they are not read for that."""
    read: list[int] = []

    async def body() -> None:
        store = MemoryStore()
        run_id = await begun(store)
        task = asyncio.ensure_future(gathered(store.watch(run_id, kinds={Kind.RUN_CANCEL_REQUESTED})))
        await until(lambda: read, "the first look")
        await store.append(run_id, numbered(4000))
        await store.append(run_id, [END])
        assert await asyncio.wait_for(task, 60) == []

    class CountingLog(EventLog):
        def read(self, after, *args):
            read.append(after)
            return super().read(after, *args)

    monkeypatch.setattr("synapse_core.builtin.memory.store.EventLog", CountingLog)
    asyncio.run(body())
    assert read == [0]
