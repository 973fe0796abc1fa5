"""Forks: a child and its parent each have connections of their own, and neither harms the other's file."""

from __future__ import annotations

import json

import pytest

from synapse_core.testing.store.samples import everything
from synapse_store import SQLiteStore
from tests.store.helpers import on, output_of, python

FORK = """
import asyncio, json, os, sys, threading
from synapse_core.testing.store.samples import begun, log
from synapse_store import SQLiteStore

path, mode = sys.argv[1:3]
store = SQLiteStore(path)
run_id = asyncio.run(begun(store))
asyncio.run(store.read(run_id))
stop = threading.Event()
written = []

def write(name):
    while not stop.is_set():
        written.append(store.append_now(run_id, [log(len(written), name)]))

async def watch():
    async for _ in store.watch(run_id):
        if stop.is_set():
            return

threads = [threading.Thread(target=write, args=(f"p{n}",)) for n in range(2)] if mode == "busy" else []
if mode != "idle":
    threads.append(threading.Thread(target=lambda: asyncio.run(watch())))
for thread in threads:
    thread.start()

def child(number):
    for turn in range(20):
        store.append_now(run_id, [log(turn, f"c{number}")])
    async def more():
        for turn in range(20, 40):
            await store.append(run_id, [log(turn, f"c{number}")])
        assert len(await store.read(run_id, limit=10)) == 10
        assert (await store.progress(run_id)).seq >= 40
        await store.aclose()
    asyncio.run(more())

children = []
for number in range(4):
    pid = os.fork()
    if not pid:
        code = 1
        try:
            child(number)
            code = 0
        finally:
            os._exit(code)
    children.append(pid)
    written.append(store.append_now(run_id, [log(number, "main")]))
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
stop.set()
written.append(store.append_now(run_id, [log(99, "last")]))
for thread in threads:
    thread.join()
asyncio.run(store.aclose())
print(json.dumps({"codes": codes, "run": run_id, "written": len(written)}))
"""


@pytest.mark.parametrize("mode", ["idle", "watched", "busy"])
def test_forks(tmp_path, mode: str) -> None:
    """Parent and children write on, while other threads write and watch; all of it is there."""
    path = tmp_path / "runs.db"
    told = json.loads(output_of(python(FORK, str(path), mode)))
    assert told["codes"] == [0, 0, 0, 0]

    async def body(store: SQLiteStore) -> None:
        events = await everything(store, told["run"])
        assert [event.seq for event in events] == list(range(1, 2 + told["written"] + 4 * 40))
        for number in range(4):
            mine = [event.payload["message"] for event in events if event.action == f"c{number}"]
            assert mine == [f"line {turn}" for turn in range(40)]
        assert (await store.check()).problems == ()

    on(path, body)


LAST = """
import asyncio, os, sys
from synapse_core.testing.store.samples import begun, log
from synapse_store import SQLiteStore

store = SQLiteStore(sys.argv[1])
run_id = asyncio.run(begun(store))
go, gone = os.pipe()
pid = os.fork()
if not pid:
    os.close(gone)
    store.append_now(run_id, [log(0, "child")])
    os.read(go, 1)  # until the parent has closed its store, or is gone
    for turn in range(1, 50):
        store.append_now(run_id, [log(turn, "child")])
    os._exit(0)
asyncio.run(store.aclose())
os.close(gone)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
print(run_id)
"""


def test_a_parent_that_closes_does_not_take_its_childs_log(tmp_path) -> None:
    """Locks that were inherited only in memory would let the parent delete the log that the child writes to."""
    path = tmp_path / "runs.db"
    run_id = output_of(python(LAST, str(path))).strip()

    async def body(store: SQLiteStore) -> None:
        assert len(await everything(store, run_id)) == 51
        assert (await store.check()).problems == ()

    on(path, body)


STUCK = """
import asyncio, os, sys
from synapse_core.errors import StoreError
from synapse_core.testing.store.samples import begun
from synapse_store import SQLiteStore
from synapse_store.sqlite import shared

shared._FORK_WAIT = 0.01
store = SQLiteStore(sys.argv[1])
run_id = asyncio.run(begun(store))
with store._file.writer.turn():
    pid = os.fork()
    if not pid:
        try:
            asyncio.run(store.list_runs())
        except StoreError as error:
            print(error, flush=True)
            os._exit(0)
        os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
asyncio.run(store.list_runs())
asyncio.run(store.aclose())
"""


def test_a_fork_that_cannot_wait_for_a_writer(tmp_path) -> None:
    """The child is told so in place of being let loose on the file; the parent goes on."""
    said = output_of(python(STUCK, str(tmp_path / "runs.db")))
    assert "when this process was forked" in said
    assert "'spawn'" in said
