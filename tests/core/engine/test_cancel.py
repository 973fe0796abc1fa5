"""Cancel: by anyone who reaches the run, within a second, and nothing of it is left running."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from synapse_core import ActionPipeline, Node, RunCancelledError, Session, action
from synapse_core.builtin.memory import MemoryStore
from synapse_core.errors import ExecutionError
from synapse_core.events import Draft, Kind, now
from synapse_core.testing import actions, wait_until
from synapse_core.testing.processes import is_alive
from tests.core.engine.helpers import Gate, act, events_of, statuses


def paths(folder: Path) -> dict[str, str]:
    return {name: str(folder / name) for name in ("started", "release", "cleaning", "cleaned")}


def begun(folder: Path) -> int:
    """The process of the action that has begun."""
    return int(wait_until(lambda: (folder / "started").exists() and (folder / "started").read_text()))


def test_what_runs_fails_as_cancelled_and_the_rest_is_skipped(session: Session):
    """The run is cancelled, its error says why; completed actions stay completed."""
    gate = Gate()
    run_id = session.submit([act("a"), gate.action("b"), act("c")])
    gate.wait_for(1)
    session.cancel(run_id, reason="changed my mind")
    with pytest.raises(RunCancelledError, match="changed my mind") as caught:
        session.wait(run_id)
    assert caught.value.run_id == run_id
    state = session.progress(run_id)
    assert (state.status, state.error) == ("cancelled", "changed my mind")
    assert statuses(session, run_id) == {"a": "completed", "b": "failed", "c": "skipped"}
    assert state.action("b").error == "cancelled"
    assert state.action("c").message == "changed my mind"
    assert state.result is None


def test_a_cancel_may_come_from_another_thread(session: Session):
    """Not only from the one that submitted."""
    gate = Gate()
    run_id = session.submit([gate.action("a")])
    gate.wait_for(1)
    thread = threading.Thread(target=session.cancel, args=(run_id,))
    thread.start()
    with pytest.raises(RunCancelledError):
        session.wait(run_id)
    thread.join()


def test_a_cancel_may_come_by_the_store(tmp_path: Path):
    """From another session, or anybody who can write an event: no object of the submitter is needed."""
    store = MemoryStore()
    gate = Gate()
    with (
        Session(store=store, entry_points=False, work_base=tmp_path) as runs,
        Session(store=store, entry_points=False) as other,
    ):
        first = runs.submit([gate.action("a")])
        second = runs.submit([gate.action("b")])
        gate.wait_for(2)
        other.cancel(first)
        store.append_now(second, [Draft(Kind.RUN_CANCEL_REQUESTED, now(), None, 0, {"reason": "by hand"})])
        for run_id in (first, second):
            with pytest.raises(RunCancelledError):
                other.wait(run_id)
        assert other.progress(second).error == "by hand"


def test_completed_never_overwrites_cancelled(session: Session):
    """An action that returns a result although it was cancelled does not make the run completed."""
    run_id = session.submit([actions.swallow_cancel, act("after")])
    wait_until(lambda: statuses(session, run_id)["swallow_cancel"] == "running")
    session.cancel(run_id)
    with pytest.raises(RunCancelledError):
        session.wait(run_id)
    assert statuses(session, run_id) == {"swallow_cancel": "failed", "after": "skipped"}
    assert session.call(session.store.checkpoints(run_id)) in ([], ())


def test_a_run_that_has_ended_stays_as_it_is(session: Session):
    """A cancel that comes too late is no error, and changes nothing."""
    run_id = session.submit([act("a")])
    final = session.wait(run_id)
    session.cancel(run_id)
    assert session.progress(run_id) == final


@pytest.mark.parametrize("executor", ["local", "process"])
def test_cleanup_has_the_grace_period(session: Session, tmp_path: Path, executor: str):
    """`finally` runs to its end before the run is over."""
    run_id = session.submit([actions.slow_cleanup], paths(tmp_path), executor=executor, grace=60.0)
    begun(tmp_path)
    session.cancel(run_id)
    wait_until((tmp_path / "cleaning").exists)
    assert not session.progress(run_id).status.is_terminal()
    (tmp_path / "release").touch()
    with pytest.raises(RunCancelledError):
        session.wait(run_id)
    assert (tmp_path / "cleaned").exists()


def test_an_async_action_is_cancelled_where_it_awaits(session: Session, tmp_path: Path):
    """By CancelledError, so that it can clean up."""
    run_id = session.submit([actions.async_wait], paths(tmp_path))
    begun(tmp_path)
    session.cancel(run_id)
    with pytest.raises(RunCancelledError):
        session.wait(run_id)
    assert (tmp_path / "cleaned").exists()


def test_one_that_does_not_listen_is_left_behind_and_said_to_be(session: Session, tmp_path: Path):
    """In a thread: the run ends after the grace period, and its log says what still runs."""
    run_id = session.submit([actions.hang], paths(tmp_path), grace=0.05)
    begun(tmp_path)
    session.cancel(run_id)
    with pytest.raises(RunCancelledError):
        session.wait(run_id)
    (failed,) = events_of(session, run_id, Kind.ACTION_FAILED)
    assert failed.payload["error"] == "cancelled"
    assert "still runs" in failed.payload["failure"]["message"]
    seq = session.progress(run_id).seq
    (tmp_path / "release").touch()
    wait_until((tmp_path / "cleaned").exists)
    assert session.progress(run_id).seq == seq


def test_one_that_does_not_listen_is_killed_where_it_has_a_process(session: Session, tmp_path: Path):
    """After the grace period; nothing of it is left."""
    run_id = session.submit([actions.hang_on], paths(tmp_path), executor="process", grace=0.05)
    pid = begun(tmp_path)
    session.cancel(run_id)
    with pytest.raises(RunCancelledError):
        session.wait(run_id)
    assert not is_alive(pid)


def test_force_leaves_no_grace(session: Session, tmp_path: Path):
    """A cancel that is forced, be it the first or the second."""
    for first in (True, False):
        folder = tmp_path / str(first)
        folder.mkdir()
        run_id = session.submit([actions.hang_on], paths(folder), executor="process", grace=3600.0)
        pid = begun(folder)
        session.cancel(run_id, force=first)
        session.cancel(run_id, force=True)
        with pytest.raises(RunCancelledError):
            session.wait(run_id)
        assert not is_alive(pid)


def test_all_that_runs_is_stopped(session: Session):
    """Every branch and every instance."""
    gate = Gate()
    pipeline = ActionPipeline([[gate.action("a"), gate.action("b"), Node(gate.action("c"), each="items")]])
    run_id = session.submit(pipeline, {"items": [1, 2]})
    gate.wait_for(4)
    session.cancel(run_id)
    with pytest.raises(RunCancelledError):
        session.wait(run_id)
    wait_until(lambda: gate.running == 0)
    state = session.progress(run_id)
    assert {str(entry.status) for entry in state.progress} == {"failed"}
    assert {str(entry.status) for entry in state.instances.values()} == {"failed"}


def test_what_waits_for_room_is_skipped(session: Session):
    """It had not started."""
    gate = Gate()
    run_id = session.submit(ActionPipeline([[gate.action("a"), act("b")]], max_parallel=1))
    gate.wait_for(1)
    session.cancel(run_id)
    with pytest.raises(RunCancelledError):
        session.wait(run_id)
    assert statuses(session, run_id) == {"a": "failed", "b": "skipped"}


def test_the_log_ends_with_the_end_of_the_run(session: Session):
    """Asked, stopped, skipped, over; each is told once."""
    gate = Gate()
    run_id = session.submit([gate.action("a"), act("b")])
    gate.wait_for(1)
    session.cancel(run_id)
    with pytest.raises(RunCancelledError):
        session.wait(run_id)
    told = [str(event.kind) for event in events_of(session, run_id)]
    assert told.count("run.cancel_requested") == 1
    told.remove("run.cancel_requested")
    assert told[2:] == ["action.started", "action.failed", "action.skipped", "run.cancelled"]


def test_a_sequence_that_runs_quickly_can_be_cancelled(session: Session):
    """Also where a worker goes on from action to action by itself."""
    reached = threading.Event()

    def step(name):
        @action(name)
        def body(params, ctx):
            if name == "s50":
                reached.set()
                wait_until(lambda: ctx.cancelled, "the worker to be told")
            return {}

        return body

    run_id = session.submit([step(f"s{n}") for n in range(100)])
    assert reached.wait(30)
    session.cancel(run_id)
    with pytest.raises(RunCancelledError):
        session.wait(run_id)
    found = statuses(session, run_id)
    assert [found[f"s{n}"] for n in range(50)] == ["completed"] * 50
    assert [found[f"s{n}"] for n in range(50, 100)] == ["failed", *["skipped"] * 49]


def test_an_unknown_run_cannot_be_cancelled(session: Session):
    """It is said so."""
    with pytest.raises(LookupError, match="nobody"):
        session.cancel("nobody")


def test_waiting_may_end_before_the_run(session: Session):
    """A wait with a timeout leaves the run as it is, and says what can be done."""
    gate = Gate()
    run_id = session.submit([gate.action("a")])
    with pytest.raises(ExecutionError, match=r"has not ended after 0\.05 s"):
        session.wait(run_id, 0.05)
    gate.open.set()
    assert session.wait(run_id).status == "completed"
