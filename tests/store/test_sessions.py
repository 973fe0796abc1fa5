"""Real runs, kept in a file: by sessions of one process and of several."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from synapse_core import ActionPipeline, Node, Session, action
from synapse_core.errors import ExecutionError, RunCancelledError, StoreError, SynapseError
from synapse_core.events import Kind
from synapse_core.fold import fold
from synapse_core.models import ActionStatus, RunStatus
from synapse_core.testing import wait_until
from synapse_store import SQLiteStore
from tests.store.helpers import output_of, python, sql


@action("add")
def add(params: dict[str, Any], ctx) -> dict[str, Any]:
    """Add one."""
    ctx.set_progress(1, 2)
    ctx.log("adding", {"to": params.get("n", 0)})
    return {"n": params.get("n", 0) + 1}


@action("fail")
def fail(params: dict[str, Any], ctx) -> None:
    """Fail."""
    raise ValueError("it broke")


@action("endless")
def endless(params: dict[str, Any], ctx) -> None:
    """Wait for a cancel."""
    while True:
        ctx.sleep(3600)


def adding(count: int, name: str = "adding") -> ActionPipeline:
    return ActionPipeline([Node(add, name=f"add{n}") for n in range(count)], name=name)


@pytest.fixture
def url(tmp_path) -> str:
    """A store in a new file."""
    return f"sqlite:///{tmp_path}/runs.db"


def session_on(url: str, tmp_path) -> Session:
    return Session(store=url, entry_points=True, work_base=tmp_path / "work")


def test_a_run_is_kept(url: str, tmp_path) -> None:
    """Its result, its state, and each checkpoint are there for a session that comes later."""
    with session_on(url, tmp_path) as session:
        assert session.execute(adding(5), {"n": 1}) == {"n": 6}
    with session_on(url, tmp_path) as session:
        (line,) = session.call(session.store.list_runs())
        assert (line.name, line.status, line.overall_progress) == ("adding", RunStatus.COMPLETED, 1.0)
        assert session.result(line.id) == {"n": 6}
        events = session.call(session.store.read(line.id))
        assert session.progress(line.id) == fold(events)
        made = session.call(session.store.checkpoints(line.id))
        assert [c.result["n"] for c in made] == [2, 3, 4, 5, 6]
        assert [e.action for e in events if e.kind == Kind.ACTION_COMPLETED] == [c.action_name for c in made]
        store = session.store
        assert isinstance(store, SQLiteStore)
        assert session.call(store.check()).problems == ()


def test_a_pipeline_keeps_its_run_in_the_store_that_it_is_given(url: str, tmp_path, monkeypatch) -> None:
    """Where a loop runs, too; a later call resumes it. A session has a store of its own."""
    monkeypatch.setenv("SYNAPSE_HOME", str(tmp_path))
    pipeline = adding(2)
    assert pipeline.execute({"n": 1}, store=url) == {"n": 3}
    with session_on(url, tmp_path) as session:
        (line,) = session.call(session.store.list_runs())
        with pytest.raises(SynapseError, match="has a store already"):
            pipeline.execute(store=url, session=session)
    assert asyncio.run(pipeline.execute_async(store=url, resume_from=line.id)) == {"n": 3}
    with session_on(url, tmp_path) as session:
        again, _ = session.call(session.store.list_runs())
        assert {action.status for action in session.progress(again.id).progress} == {ActionStatus.SKIPPED}


def test_a_run_that_fails_is_kept_too(url: str, tmp_path) -> None:
    """With its error, and traceback."""
    with session_on(url, tmp_path) as session:
        with pytest.raises(ExecutionError, match="it broke"):
            session.execute(ActionPipeline([add, fail], name="failing"))
        (line,) = session.call(session.store.list_runs(status=RunStatus.FAILED))
        assert "it broke" in str(line.error)
        failure = session.progress(line.id).action("fail").failure
        assert failure is not None
        assert "ValueError" in failure.traceback


def test_many_runs_at_once(url: str, tmp_path) -> None:
    """From several threads, in two sessions that share a file."""
    with session_on(url, tmp_path) as first, session_on(url, tmp_path) as second:
        results: list[object] = []

        def work(session: Session) -> None:
            ids = [session.submit(adding(3), {"n": n}) for n in range(10)]
            results.extend(session.wait(run_id).result for run_id in ids)

        threads = [threading.Thread(target=work, args=(session,)) for session in (first, second, first)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(result["n"] for result in results) == sorted(3 * [n + 3 for n in range(10)])  # type: ignore[index]
        store = first.store
        assert isinstance(store, SQLiteStore)
        assert first.call(store.check()).problems == ()
        assert len(first.call(store.list_runs(status=RunStatus.COMPLETED))) == 30


CANCEL = """
import sys
from synapse_core import Session

with Session(store=sys.argv[1]) as session:
    session.cancel(sys.argv[2], reason="from elsewhere")
"""


def test_a_run_is_cancelled_from_another_process(url: str, tmp_path) -> None:
    """Whoever reaches the file may ask; the engine that has the run hears of it."""
    with session_on(url, tmp_path) as session:
        run_id = session.submit(ActionPipeline([endless], name="endless"))
        wait_until(lambda: session.progress(run_id).current_action)
        output_of(python(CANCEL, url, run_id))
        with pytest.raises(RunCancelledError, match="from elsewhere"):
            session.wait(run_id, timeout=60)


def test_a_run_is_watched_from_another_session(url: str, tmp_path) -> None:
    """Each event, as it was written."""
    with session_on(url, tmp_path) as session, session_on(url, tmp_path) as other:
        run_id = session.submit(adding(20))
        events = list(other.stream_events(run_id))
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert events[-1].kind == Kind.RUN_COMPLETED
        assert list(other.stream_progress(run_id))[-1] == session.progress(run_id) == fold(events)


def test_a_store_that_goes_stops_the_run(url: str, tmp_path) -> None:
    """With an error that says why; what was acknowledged was saved, and the run can be taken up from it."""
    path = tmp_path / "runs.db"
    with session_on(url, tmp_path) as session:
        session.execute(adding(3))
        run_id = session.submit(ActionPipeline([add, endless], name="endless"))
        wait_until(lambda: session.progress(run_id).current_action == "endless")
        path.unlink()
        with pytest.raises(StoreError, match="was deleted while it was in use"):
            session.wait(run_id, timeout=60)
    rescued = tmp_path / "runs.db.rescued"
    rescued.rename(path)
    assert sql(path, "SELECT status FROM runs ORDER BY key") == [("completed",), ("running",)]
    with session_on(url, tmp_path) as session:
        assert [c.action_name for c in session.call(session.store.checkpoints(run_id))] == ["add"]
