"""Timeouts: per attempt, asked for first, forced where the executor can, said where it cannot."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from synapse_core import ActionPipeline, DiscoveryError, ExecutionError, Node, Retry, Session, action, spec_of
from synapse_core.events import Kind
from synapse_core.testing import actions, wait_until
from synapse_core.testing.processes import is_alive
from tests.core.engine.helpers import Gate, act, events_of

SHORT = 0.05
FAST = {"grace": 0.05}


def paths(folder: Path) -> dict[str, str]:
    return {name: str(folder / name) for name in ("started", "release", "cleaned")}


def killed(session: Session, folder: Path, action: Any, **options: Any) -> int:
    """Run an action that hears nothing until its time is up; the process that it had, which is gone.

    A busy machine may take longer to start a process than that: it is given more time then, until the action begins.
    """
    for timeout in (1.0, 6.0, 36.0):
        with pytest.raises(ExecutionError, match="ActionTimeoutError"):
            session.execute([Node(action, timeout=timeout)], paths(folder), **FAST, **options)
        if (folder / "started").exists() and (pid := (folder / "started").read_text()):
            wait_until(lambda: not is_alive(int(pid)), "the process to be gone")
            return int(pid)
    raise AssertionError("the action never began")


def test_an_action_that_listens_ends_in_time(session: Session, tmp_path: Path):
    """It failed by timeout, and has cleaned up; the message says how long it may take."""
    with pytest.raises(ExecutionError, match=r"'wait' failed: ActionTimeoutError: attempt 1 took longer than 0.05 s"):
        session.execute([Node(actions.wait, timeout=SHORT)], paths(tmp_path))
    assert (tmp_path / "cleaned").exists()


def test_an_async_action_ends_in_time(session: Session, tmp_path: Path):
    """It is cancelled where it awaits."""
    with pytest.raises(ExecutionError, match="ActionTimeoutError"):
        session.execute([Node(actions.async_wait, timeout=SHORT)], paths(tmp_path))
    assert (tmp_path / "cleaned").exists()


def test_one_that_does_not_listen_is_left_behind_and_said_to_be(session: Session, tmp_path: Path):
    """A thread cannot be forced: the run goes on without it, and the message says what to do."""
    with pytest.raises(ExecutionError) as caught:
        session.execute([Node(actions.hang, timeout=SHORT)], paths(tmp_path), **FAST)
    assert "took longer than 0.05 s" in str(caught.value)
    assert "still runs" in str(caught.value)
    assert "executor 'process'" in str(caught.value)
    (tmp_path / "release").touch()
    wait_until((tmp_path / "cleaned").exists)


def test_one_that_does_not_listen_is_killed_where_it_has_a_process(session: Session, tmp_path: Path):
    """Nothing of it is left."""
    assert killed(session, tmp_path, actions.hang_on, executor="process") != os.getpid()


def test_a_timeout_is_tried_again(session: Session):
    """It is a failure like any other, of each attempt anew; `TimeoutError` names it."""
    retry = Retry(max_attempts=2, delay=0.0, on=TimeoutError)
    with pytest.raises(ExecutionError, match="attempt 2 took longer") as caught:
        session.execute([Node(actions.wait, timeout=SHORT, retry=retry)])
    assert len(events_of(session, caught.value.run_id, Kind.ACTION_STARTED)) == 2
    assert caught.value.error_type == "ActionTimeoutError"


def test_an_action_that_is_quick_enough_is_not_touched(session: Session):
    """And one that fails in time has failed as it did."""
    assert session.execute([Node(act("a"), timeout=60.0)]) == {"a": True}
    with pytest.raises(ExecutionError, match="ValueError"):
        session.execute([Node(actions.fail, timeout=60.0)])


def test_waiting_for_room_does_not_count(session: Session):
    """The clock of an attempt starts with it: the second waits for the first, and has all of its time then."""
    gate = Gate()
    first, second = gate.action("first"), Node(actions.wait, timeout=SHORT)
    run_id = session.submit(ActionPipeline([[first, second]], max_parallel=1))
    gate.wait_for(1)
    session.call(_sleep(4 * SHORT))
    gate.open.set()
    with pytest.raises(ExecutionError, match=r"attempt 1 took longer than 0.05 s"):
        session.wait(run_id)
    began, ended = (event.time for event in events_of(session, run_id, name="wait"))
    assert (ended - began).total_seconds() > 0.9 * SHORT


async def _sleep(seconds: float) -> None:
    import asyncio

    await asyncio.sleep(seconds)


def test_a_result_that_came_too_late_does_not_count(session: Session):
    """The attempt was given up: what it returns after that is not taken for a result."""
    with pytest.raises(ExecutionError, match="ActionTimeoutError"):
        session.execute([Node(actions.swallow_cancel, timeout=SHORT)])


def test_others_go_on(session: Session):
    """One that is late does not stop those beside it, with `on_failure="continue"`."""
    gate = Gate()
    late = Node(actions.wait, timeout=SHORT)
    pipeline = ActionPipeline([[late, [gate.action("a"), act("b")]]], on_failure="continue")
    run_id = session.submit(pipeline)
    wait_until(lambda: events_of(session, run_id, Kind.ACTION_FAILED))
    gate.open.set()
    with pytest.raises(ExecutionError):
        session.wait(run_id)
    assert session.progress(run_id).action("b").status == "completed"


def test_one_that_is_declared_hard_is_killed_under_any_executor(session: Session, tmp_path: Path):
    """It has a process of its own, wherever the others run, and what was printed there is in the log."""
    assert killed(session, tmp_path, actions.hang_hard) != os.getpid()


def test_a_hard_action_takes_part_in_a_sequence(session: Session):
    """Those beside it share this process, it does not, and results pass between them."""
    own = ActionPipeline([act("first", {"text": "a"}), actions.pid_hard, act("last", {"done": True})])
    run_id = session.submit(own, {})
    session.wait(run_id)
    checkpoints = {each.action_name: each for each in session.call(session.store.checkpoints(run_id))}
    assert checkpoints["pid_hard"].result["pid"] != os.getpid()


def test_a_stop_that_there_is_not_is_said_to_be_none():
    """With those that there are."""
    with pytest.raises(DiscoveryError, match=r"no stop 'sudden'\. There are: cooperative, hard"):
        _ = spec_of(action("x", stop="sudden")(lambda params: None)).stop  # type: ignore[call-overload]
