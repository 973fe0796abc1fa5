"""Failure: what becomes of the rest of the run, and how it is told."""

from __future__ import annotations

import threading
from typing import ClassVar

import pytest

from synapse_core import ActionPipeline, ExecutionError, Session, action
from synapse_core.events import Kind
from synapse_core.testing import actions, wait_until
from tests.core.engine.helpers import Gate, act, events_of, failing, statuses


def failed_run(session: Session, pipeline: ActionPipeline, **params: object) -> str:
    with pytest.raises(ExecutionError) as caught:
        session.execute(pipeline, params)
    return caught.value.run_id


def test_a_failure_tells_what_where_and_why(session: Session):
    """Run, action, type, message and traceback; the action's own exception is the cause."""
    with pytest.raises(ExecutionError) as caught:
        session.execute([act("a"), failing("train", "no data")])
    error = caught.value
    assert str(error) == f"run {error.run_id} failed: action 'train' failed: ValueError: no data"
    assert (error.error_type, type(error.__cause__)) == ("ValueError", ValueError)
    assert "raise kind(message)" in error.traceback
    assert "synapse_core/worker" not in error.traceback
    state = session.progress(error.run_id)
    assert state.errors == ("action 'train' failed: ValueError: no data",)
    assert state.action("train").failure is not None


def test_a_failure_in_another_process_tells_the_same(session: Session):
    """Type, message and traceback cross over; there is no exception object to be the cause."""
    with pytest.raises(ExecutionError, match="'fail' failed: ValueError: größe") as caught:
        session.execute([actions.fail], {"message": "größe"}, executor="process")
    assert caught.value.error_type == "ValueError"
    assert "raise ValueError(params.message)" in caught.value.traceback


def gated_failure(gate: Gate, name: str = "bad") -> object:
    """Fails as soon as the gate's actions have begun."""

    @action(name)
    def bad(params, ctx):
        gate.wait_for(1)
        raise ValueError("no")

    return bad


def test_finish_lets_what_runs_end(session: Session):
    """It is completed and checkpointed; nothing new starts."""
    gate = Gate()
    pipeline = ActionPipeline([[[gate.action("long"), act("after_long")], gated_failure(gate)], act("end")])
    run_id = session.submit(pipeline)
    wait_until(lambda: events_of(session, run_id, Kind.ACTION_FAILED))
    assert statuses(session, run_id)["long"] == "running"
    gate.open.set()
    with pytest.raises(ExecutionError):
        session.wait(run_id)
    assert statuses(session, run_id) == {
        "long": "completed",
        "bad": "failed",
        "after_long": "skipped",
        "end": "skipped",
    }
    assert [c.action_name for c in session.call(session.store.checkpoints(run_id))] == ["long"]
    assert session.progress(run_id).action("end").message == "not started: 'bad' failed"


def test_continue_runs_whatever_does_not_depend_on_it(session: Session):
    """Branches beside it run to their end; what depends on it is skipped at once, and told why."""
    pipeline = ActionPipeline(
        [act("first"), [[failing("bad"), act("after_bad")], [act("good"), act("after_good")]], act("join")],
        on_failure="continue",
    )
    run_id = failed_run(session, pipeline)
    assert statuses(session, run_id) == {
        "first": "completed",
        "bad": "failed",
        "good": "completed",
        "after_bad": "skipped",
        "after_good": "completed",
        "join": "skipped",
    }
    assert session.progress(run_id).action("join").message == "needs 'bad', which failed"


def test_cancel_stops_the_others_at_once(session: Session):
    """They have failed as cancelled; the run has failed, with the first error."""
    gate = Gate()
    pipeline = ActionPipeline([[gate.action("long"), gated_failure(gate)], act("end")], on_failure="cancel")
    run_id = failed_run(session, pipeline)
    state = session.progress(run_id)
    assert statuses(session, run_id) == {"long": "failed", "bad": "failed", "end": "skipped"}
    assert (state.status, state.action("long").error) == ("failed", "cancelled")
    assert state.errors == ("action 'bad' failed: ValueError: no",)
    assert gate.running == 0


def test_all_errors_are_listed_the_first_first(session: Session):
    """The run's error is the first; the exception says that there are more."""
    one_failed = threading.Event()

    @action("second")
    def second(params, ctx):
        assert one_failed.wait(30)
        raise KeyError("k")

    pipeline = ActionPipeline([[failing("first"), second]], on_failure="continue")
    run_id = session.submit(pipeline)
    wait_until(lambda: events_of(session, run_id, Kind.ACTION_FAILED))
    one_failed.set()
    with pytest.raises(ExecutionError, match=r"action 'first' failed: ValueError: no \(and 1 more\)"):
        session.wait(run_id)
    errors = session.progress(run_id).errors
    assert errors == ("action 'first' failed: ValueError: no", "action 'second' failed: KeyError: 'k'")


@pytest.mark.parametrize("mode", ["finish", "continue", "cancel"])
def test_nothing_is_left_pending(session: Session, mode: str):
    """Whatever the mode, every action of an ended run has ended."""
    pipeline = ActionPipeline(
        [[[act("a"), failing("b"), act("c")], [act("d"), [act("e"), act("f")], act("g")]], act("h")],
        on_failure=mode,  # type: ignore[arg-type]
    )
    run_id = failed_run(session, pipeline)
    assert session.progress(run_id).status == "failed"
    assert not {"pending", "running"} & set(statuses(session, run_id).values())


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (actions.raise_unpicklable, "UnpicklableError: code 7: no pickle"),
        (actions.raise_mute, "MuteError: (its message cannot be had: RuntimeError)"),
        (actions.interrupt, "KeyboardInterrupt"),
        (actions.soft_exit, "SystemExit: the action ended its process: exit code 3"),
        (actions.unserialisable, "model.lock"),
    ],
)
@pytest.mark.parametrize("executor", ["local", "process"])
def test_whatever_an_action_raises_or_returns_is_survived(session: Session, executor: str, bad: object, told: str):
    """With a clear message; others are not affected, and the session goes on."""
    pipeline = ActionPipeline([[bad, act("bystander")]] if executor == "local" else [bad], on_failure="continue")
    with pytest.raises(ExecutionError) as caught:
        session.execute(pipeline, executor=executor)
    assert told in str(caught.value)
    if executor == "local":
        assert statuses(session, caught.value.run_id)["bystander"] == "completed"
    assert session.execute([act("next")]) == {"next": True}


def test_an_executor_that_cannot_start_an_attempt_fails_it(session: Session):
    """As when there can be no further process: the action has failed, and the run ends."""

    class Full:
        capacity: ClassVar = {"workers": 2.0}

        def start(self, call, wake, then=None):
            raise OSError(11, "Resource temporarily unavailable")

        async def aclose(self):
            pass

    with pytest.raises(ExecutionError, match=r"'a' failed: .*Resource temporarily unavailable"):
        session.execute([act("a"), act("b")], executor=Full())


def test_an_executor_that_breaks_its_word_fails_the_attempt(session: Session):
    """`outcome` must not raise; where it does, nothing hangs."""

    class Broken:
        async def outcome(self):
            raise RuntimeError("broken executor")

        def drain(self):
            return []

        async def cancel(self, reason, grace):
            pass

    class Executor:
        capacity: ClassVar = {"workers": 2.0}

        def start(self, call, wake, then=None):
            return Broken()

        async def aclose(self):
            pass

    with pytest.raises(ExecutionError, match="broken executor"):
        session.execute([act("a")], executor=Executor())
