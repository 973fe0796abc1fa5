"""The state of a run: what lists show is kept with its events, and a long run is not folded from its first one on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from synapse_core.events import Draft, Kind, stamp
from synapse_core.fold import CHANGES, Folding, fold
from synapse_core.testing.store.machine import drafts
from synapse_core.testing.store.samples import begun, created, draft, everything, log, new_run, story
from synapse_store import SQLiteStore
from synapse_store.sqlite import folds, states
from synapse_store.sqlite.states import state_of, text_of
from tests.store.helpers import counted, ended, on, sql

AT = datetime(2026, 11, 21, tzinfo=UTC)


def progress(number: int, action: str = "train") -> Draft:
    return draft(Kind.ACTION_PROGRESS, action, number, 1, current=number, total=10**6, category=None)


@settings(max_examples=200)
@given(st.lists(drafts, max_size=12))
def test_a_state_survives_being_stored(events: list[Draft]) -> None:
    """It is equal, down to each byte of its JSON, and folding goes on from it as if nothing had been."""
    run = new_run()
    told = stamp(run.id, 0, [created(run), *events])
    whole = fold(told)
    for cut in (0, len(told) // 2, len(told)):
        stored = state_of(text_of(fold(told[:cut])))
        assert stored == fold(told[:cut])
        folding = Folding(stored)
        for event in told[cut:]:
            folding.apply(event)
        assert folding.snapshot() == whole
        assert text_of(folding.snapshot()) == text_of(whole)


def test_a_long_run_is_not_folded_anew(tmp_path) -> None:
    """The state is stored as events come; who asks for it first reads but the rest, and later only what is new."""
    path = tmp_path / "runs.db"
    total = 3 * states._INTERVAL + 500

    async def write(store: SQLiteStore) -> str:
        run_id = await begun(store, draft(Kind.RUN_STARTED), draft(Kind.ACTION_STARTED, "train", 1, 1))
        for start in range(0, total, 100):
            await store.append(run_id, [progress(number) for number in range(start, start + 100)])
        return run_id

    run_id = on(path, write)
    ((stored,),) = sql(path, "SELECT seq FROM states")
    assert total - states._INTERVAL <= stored <= total + 3

    async def ask(store: SQLiteStore) -> None:
        events = await everything(store, run_id)
        readers = counted(store)
        assert await store.progress(run_id) == fold(events)
        assert readers.rows <= states._INTERVAL + 3
        readers.reset()
        assert await store.progress(run_id) == fold(events)
        assert readers.rows <= 1
        await store.append(run_id, [progress(total), log(1)])
        readers.reset()
        state = await store.progress(run_id)
        assert readers.rows <= 2
        assert state == fold(await everything(store, run_id))

    on(path, ask)


def test_logs_are_not_read_for_the_state(tmp_path) -> None:
    """They change nothing, however many there are."""

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        await store.append(run_id, [log(number) for number in range(5000)])
        readers = counted(store)
        state = await store.progress(run_id)
        assert (state.seq, state.name) == (5001, "demo")
        assert readers.rows <= 3
        assert Kind.ACTION_LOG not in CHANGES

    on(tmp_path / "runs.db", body)


def test_another_process_and_this_one_fold_alike(tmp_path) -> None:
    """The writer's own fold takes in what others have written between its own events."""
    path = tmp_path / "runs.db"

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store, draft(Kind.RUN_STARTED))
        await store.append(run_id, [draft(Kind.ACTION_STARTED, "load", 1, 1), progress(1, "load")])
        _append_behind_its_back(path, run_id)
        await store.append(run_id, [draft(Kind.ACTION_COMPLETED, "train", 9, 1)])
        state = fold(await store.read(run_id))
        assert state.overall_progress == 1.0
        assert await store.progress(run_id) == state
        assert (await store.list_runs())[0].overall_progress == 1.0
        assert (await store.check()).problems == ()

    on(path, body)


def _append_behind_its_back(path, run_id: str) -> None:
    """What another process' store would write."""
    import sqlite3

    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    key, seq = connection.execute("SELECT key, seq FROM runs WHERE id = ?", (run_id,)).fetchone()
    row = (key, seq + 1, 0, str(Kind.ACTION_COMPLETED), "load", 1, json.dumps({}))
    connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    connection.execute("UPDATE runs SET seq = seq + 1 WHERE key = ?", (key,))
    connection.execute("COMMIT")
    connection.close()


def test_what_lists_show_is_written_with_each_event(tmp_path) -> None:
    """After every append the run's line is what the fold says, without an event being read for it."""

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        for each in [*story(), log(99), draft(Kind.RUN_FAILED, error="too late")]:
            await store.append(run_id, [each])
            readers = counted(store)
            (line,) = await store.list_runs()
            assert not any("events" in query for query in readers.queries)
            state = fold(await store.read(run_id))
            shown = line.status, line.started_at, line.completed_at, line.error, line.overall_progress
            assert shown == (
                state.status,
                state.started_at,
                state.completed_at,
                state.error,
                state.overall_progress,
            )

    on(tmp_path / "runs.db", body)


def test_more_runs_than_are_kept_in_mind(tmp_path, monkeypatch) -> None:
    """Those that were written to longest ago are folded anew when they come again."""
    monkeypatch.setattr(states, "_KEPT", 3)
    monkeypatch.setattr(folds, "_CELLS", 8)

    async def body(store: SQLiteStore) -> None:
        runs = [await begun(store, draft(Kind.RUN_STARTED)) for _ in range(8)]
        for each in story()[1:]:
            for run_id in runs:
                await store.append(run_id, [each])
                assert await store.progress(run_id) == fold(await store.read(run_id))
        assert (await store.check()).problems == ()

    on(tmp_path / "runs.db", body)


class Odd(dict[Any, Any]):
    """What is JSON data only once it was written."""


def test_an_ended_run_need_not_be_read_to_tell_its_state(tmp_path) -> None:
    """The writer's own fold is told, and is what a fold of the stored events gives, whatever payloads were made of."""
    odd = [
        draft(Kind.ACTION_STARTED, "train", 1, 1),
        draft(Kind.ACTION_METRICS, "train", 2, 1, metrics=Odd({"loss": (1, 2.0), 3: None})),
        draft(Kind.ACTION_PROGRESS, "train", 3, 1, current=True, total=2.5, category=None),
        Draft(Kind.ACTION_MESSAGE, AT.replace(tzinfo=None), "train", 1, Odd(message="naive")),
        draft(Kind.RUN_COMPLETED, None, 5, result={"pair": (1, [Odd(x=1)]), 7: "seven"}),
    ]

    async def body(store: SQLiteStore) -> None:
        run_id = await begun(store)
        readers = counted(store)
        await store.append(run_id, [draft(Kind.RUN_STARTED), *odd])
        state = await store.progress(run_id)
        assert not any("events" in query for query in readers.queries)
        assert repr(state) == repr(fold(await store.read(run_id)))
        await store.append(run_id, [draft(Kind.RUN_CANCEL_REQUESTED)])
        assert await store.progress(run_id) == fold(await store.read(run_id))

    on(tmp_path / "runs.db", body)


def test_an_error_that_is_no_unicode(tmp_path) -> None:
    """A message with half a surrogate pair, as of a file name that is no UTF-8, is stored and listed."""

    async def body(store: SQLiteStore) -> None:
        run_id = await ended(store, kind=Kind.RUN_COMPLETED)
        other = await begun(store)
        await store.append(other, [draft(Kind.RUN_FAILED, error="no file '\udce4.txt'")])
        assert (await store.progress(other)).error == "no file '\udce4.txt'"
        lines = {run.id: run.error for run in await store.list_runs()}
        assert lines == {run_id: "over", other: "no file '?.txt'"}
        assert (await store.check()).problems == ()

    on(tmp_path / "runs.db", body)
