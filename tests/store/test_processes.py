"""Many processes on one file, and the end of a process that has not closed its store."""

from __future__ import annotations

import asyncio
import json
import sys
from itertools import chain

import pytest

from synapse_core.fold import fold
from synapse_core.testing import until
from synapse_core.testing.store.samples import begun, everything, log
from synapse_store import SQLiteStore
from tests.store.helpers import on, output_of, python, sql, writable

WORK = """
import asyncio, json, sys
from synapse_core.testing.store.samples import checkpoint, draft, log
from synapse_store import SQLiteStore

path, run_id, me, turns = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])

async def main():
    store = SQLiteStore(path)
    lasts, seen = [], 0
    for turn in range(turns):
        done = [log(turn, me), draft("action.completed", f"{me}{turn}", 1, 1)]
        made = [checkpoint(run_id, f"{me}{turn}", turn, {"turn": turn})]
        lasts.append(await store.append(run_id, done, checkpoints=made))
        lasts.append(await asyncio.to_thread(store.append_now, run_id, [log(turn, me)]))
        if turn % 10 == 0:
            await store.progress(run_id)
            await store.list_runs(limit=3)
            seen = max(seen, len(await store.read(run_id, after=seen)))
    await store.aclose()
    print(json.dumps(lasts))

asyncio.run(main())
"""


def _stress(path, processes: int, turns: int) -> None:
    run_id = on(path, begun)
    workers = [python(WORK, str(path), run_id, f"w{n}-", str(turns)) for n in range(processes)]
    acknowledged = [json.loads(output_of(worker, 300)) for worker in workers]

    async def body(store: SQLiteStore) -> None:
        events = await everything(store, run_id)
        assert [event.seq for event in events] == list(range(1, 2 + 3 * turns * processes))
        by_seq = {event.seq: event for event in events}
        for number, lasts in enumerate(acknowledged):
            assert {str(by_seq[seq].action).partition("-")[0] for seq in lasts} == {f"w{number}"}
        made = [c.action_name for c in await store.checkpoints(run_id)]
        ended = [event.action for event in events if event.kind == "action.completed"]
        assert made == ended
        assert await store.progress(run_id) == fold(events)
        assert (await store.check()).problems == ()

    on(path, body)


def test_many_processes_write_to_one_file(tmp_path) -> None:
    """None is told that it is locked, nothing is lost, and numbers have no gaps."""
    _stress(tmp_path / "runs.db", processes=4, turns=60)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_many_processes_write_to_one_file_for_long(tmp_path) -> None:
    """As above, through many checkpoints of the log."""
    _stress(tmp_path / "runs.db", processes=8, turns=400)


def test_many_processes_make_one_file(tmp_path) -> None:
    """Who comes first makes it; nobody fails."""
    path = tmp_path / "new" / "runs.db"
    code = """
import asyncio, sys
from synapse_core.testing.store.samples import begun
from synapse_store import SQLiteStore

async def main():
    store = SQLiteStore(sys.argv[1])
    print(await begun(store, run_id=sys.argv[2]))
    await store.aclose()

sys.stdin.readline()
asyncio.run(main())
"""
    import subprocess

    makers = [python(code, str(path), f"run-{n}", stdin=subprocess.PIPE) for n in range(6)]
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write("go\n")
        maker.stdin.flush()
    assert [output_of(maker).strip() for maker in makers] == [f"run-{n}" for n in range(6)]
    assert sql(path, "SELECT count(*) FROM runs") == [(6,)]
    assert [entry.name for entry in path.parent.iterdir()] == ["runs.db"]


CLAIM = """
import asyncio, sys
from synapse_core.errors import LeaseLostError
from synapse_store import SQLiteStore

async def main():
    store = SQLiteStore(sys.argv[1])
    for run_id in sys.argv[3:]:
        try:
            await store.acquire(run_id, sys.argv[2], 60)
            print(run_id)
        except LeaseLostError:
            pass
    await store.aclose()

asyncio.run(main())
"""


def test_two_processes_claim_each_run_once(tmp_path) -> None:
    """Whoever is first has it."""
    path = tmp_path / "runs.db"

    async def make(store: SQLiteStore) -> list[str]:
        return [await begun(store) for _ in range(100)]

    runs = on(path, make)
    claimants = [python(CLAIM, str(path), owner, *runs) for owner in ("a", "b", "c")]
    won = [output_of(claimant).split() for claimant in claimants]
    assert sorted(chain(*won)) == runs
    assert sql(path, "SELECT DISTINCT epoch FROM runs") == [(1,)]


UNCLOSED = """
import asyncio, sys, threading
from synapse_core.testing.store.samples import begun, log
from synapse_store import SQLiteStore

async def main():
    store = SQLiteStore(sys.argv[1])
    run_id = await begun(store)
    await store.read(run_id)
    await asyncio.gather(*(store.progress(run_id) for _ in range(8)))
    watching = asyncio.ensure_future(anext(aiter(store.watch(run_id, after=1))))
    await asyncio.sleep(0)
    print(await store.append(run_id, [log(1)]))
    watching.cancel()
    globals()["kept"] = store

asyncio.run(main())
"""


@pytest.mark.parametrize("warnings", ["-Wdefault", "-Wignore"])
def test_a_store_that_nobody_closes_holds_no_process_up(tmp_path, warnings: str) -> None:
    """The process ends at once, and what was acknowledged is there."""
    import subprocess

    command = [sys.executable, warnings, "-c", UNCLOSED, str(tmp_path / "runs.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "2\n"
    assert "Traceback" not in done.stderr
    assert on(tmp_path / "runs.db", SQLiteStore.check).events == 2


def test_a_store_outlives_the_loop_it_was_made_on(tmp_path) -> None:
    """Each call may come from another loop, the last ones closed."""
    store = SQLiteStore(tmp_path / "runs.db")
    run_id = asyncio.run(begun(store))
    for _ in range(5):
        assert len(asyncio.run(store.read(run_id))) == 1
    asyncio.run(store.aclose())


SLOW = """
import sqlite3, sys, time

connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
print("begun", flush=True)
while True:
    connection.execute("BEGIN IMMEDIATE")
    time.sleep(0.05)
    connection.execute("COMMIT")
    time.sleep(0.001)
"""


def test_a_process_that_hardly_pauses_keeps_no_other_from_writing(tmp_path) -> None:
    """The moment between two of its commits, which are slow, is found, and not by luck."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        with python(SLOW, str(path)) as other:
            try:
                assert other.stdout is not None
                assert other.stdout.readline() == "begun\n"
                for turn in range(12):
                    await until(lambda: not writable(path), "the other to write")
                    assert await store.append(run_id, [log(turn)]) == turn + 2
            finally:
                other.kill()

    on(path, body)
