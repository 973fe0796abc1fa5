"""Retries: attempts are events, their pauses grow, and what cannot get better is not tried again."""

from __future__ import annotations

import threading

import attrs
import pytest

from synapse_core import ActionPipeline, ExecutionError, Node, Retry, RunCancelledError, Session, action
from synapse_core.events import Kind
from synapse_core.testing import actions, wait_until
from tests.core.engine.helpers import act, events_of, failing

QUICK = Retry(max_attempts=3, delay=0.0, jitter=0.0)


def attempts(session: Session, run_id: str, name: str) -> list[int]:
    return [event.attempt for event in events_of(session, run_id, Kind.ACTION_STARTED, name=name)]


def test_an_action_is_tried_again_until_it_succeeds(session: Session):
    """It stays running, its attempt number rises, and only the last attempt's checkpoint is there."""
    run_id = session.submit([Node(failing("flaky", times=2), retry=QUICK), act("after")])
    session.wait(run_id)
    assert attempts(session, run_id, "flaky") == [1, 2, 3]
    kinds = [str(e.kind) for e in events_of(session, run_id, name="flaky")]
    again = ["action.started", "action.retrying"]
    assert kinds == [*again, *again, "action.started", "action.completed"]
    assert session.progress(run_id).action("flaky").attempt == 3
    checkpoints = session.call(session.store.checkpoints(run_id))
    assert [(c.action_name, c.attempt) for c in checkpoints] == [("flaky", 3), ("after", 1)]


def test_after_the_last_attempt_the_action_has_failed_for_good(session: Session):
    """The run fails with the last error; what came after it is skipped."""
    with pytest.raises(ExecutionError, match="'flaky' failed: ValueError: no") as caught:
        session.execute([Node(failing("flaky"), retry=QUICK), act("after")])
    run_id = caught.value.run_id
    assert attempts(session, run_id, "flaky") == [1, 2, 3]
    assert session.progress(run_id).action("after").status == "skipped"
    assert isinstance(caught.value.__cause__, ValueError)


def test_the_pause_before_each_attempt_is_told(session: Session):
    """It grows by the backoff, up to a bound, and is part of the event, with what failed."""
    retry = Retry(max_attempts=4, delay=0.001, backoff=10, max_delay=0.02, jitter=0.0)
    run_id = session.submit([Node(failing("flaky", times=3), retry=retry)])
    session.wait(run_id)
    told = [event.payload for event in events_of(session, run_id, Kind.ACTION_RETRYING)]
    assert [payload["delay"] for payload in told] == pytest.approx([0.001, 0.01, 0.02])
    assert [payload["next_attempt"] for payload in told] == [2, 3, 4]
    assert {payload["error"] for payload in told} == {"ValueError: no"}
    assert "body" in told[0]["failure"]["traceback"]


def test_only_the_errors_that_are_named_are_tried_again(session: Session):
    """By name or by type, what is a subclass of it too; any other is the end."""
    for on in (("TimeoutError",), (TimeoutError,), "TimeoutError", OSError, ("OSError", "KeyError")):
        retry = attrs.evolve(QUICK, on=on)
        run_id = session.submit([Node(failing("named", kind=TimeoutError, times=1), retry=retry)])
        assert session.wait(run_id).status == "completed"
        with pytest.raises(ExecutionError) as caught:
            session.execute([Node(failing("other"), retry=retry)])
        assert attempts(session, caught.value.run_id, "other") == [1]


def test_wrong_params_are_never_tried_again(session: Session):
    """They would be as wrong the next time."""
    with pytest.raises(ExecutionError) as caught:
        session.execute([Node(actions.Add, retry=QUICK)], {"a": "two"})
    assert attempts(session, caught.value.run_id, "add") == [1]
    assert events_of(session, caught.value.run_id, Kind.ACTION_RETRYING) == []


def test_a_result_that_cannot_be_kept_is_never_tried_again(session: Session):
    """Nor would that be any better."""
    with pytest.raises(ExecutionError, match="model") as caught:
        session.execute([Node(actions.unserialisable, retry=QUICK)])
    assert attempts(session, caught.value.run_id, "unserialisable") == [1]


def test_a_worker_that_died_is_tried_again(session: Session):
    """Like a failure, whatever killed it."""
    with pytest.raises(ExecutionError, match="exit code 3") as caught:
        session.execute([Node(actions.hard_exit, retry=attrs.evolve(QUICK, max_attempts=2))], executor="process")
    assert attempts(session, caught.value.run_id, "hard_exit") == [1, 2]
    assert caught.value.error_type == "WorkerDiedError"


def test_what_an_error_is_a_subclass_of_is_known_across_processes(session: Session):
    """As in this process: a ValueError from a child is an Exception there and here."""
    for on, wanted in ((Exception, [1, 2]), ("LookupError", [1])):
        node = Node(actions.fail, retry=attrs.evolve(QUICK, max_attempts=2, on=on))
        with pytest.raises(ExecutionError) as caught:
            session.execute([node], executor="process")
        assert attempts(session, caught.value.run_id, "fail") == wanted


def test_state_saved_midway_survives_a_retry(session: Session):
    """The next attempt goes on where the last one was."""
    params = {"upto": 5, "fail_at": 4}
    result = session.execute([Node(actions.checkpointing, retry=QUICK)], params)
    assert (result["count"], result["begun"]) == (5, 3)


@pytest.mark.parametrize("executor", ["local", "process"])
def test_reports_of_a_failed_attempt_are_kept(session: Session, executor: str):
    """In order, before the event that says it is tried again."""
    run_id = session.submit([Node(actions.log_then_fail, retry=attrs.evolve(QUICK, max_attempts=2))], executor=executor)
    with pytest.raises(ExecutionError):
        session.wait(run_id)
    told = [(str(e.kind), e.attempt) for e in events_of(session, run_id, name="log_then_fail")]
    once = ["action.started", "action.message"]
    first, second = [(kind, 1) for kind in once], [(kind, 2) for kind in once]
    assert told == [*first, ("action.retrying", 1), *second, ("action.failed", 2)]


def test_a_cancel_ends_the_pause_between_attempts(session: Session):
    """The action was in flight: it has failed, with the error `cancelled`, and is not tried again."""
    run_id = session.submit([Node(failing("flaky"), retry=Retry(delay=3600.0))])
    wait_until(lambda: events_of(session, run_id, Kind.ACTION_RETRYING))
    session.cancel(run_id)
    with pytest.raises(RunCancelledError):
        session.wait(run_id)
    state = session.progress(run_id)
    assert (state.action("flaky").status, state.action("flaky").error) == ("failed", "cancelled")
    assert attempts(session, run_id, "flaky") == [1]


def test_a_pause_leaves_room_for_others(session: Session):
    """An action that waits for its next attempt holds no place among those that run."""
    tried = threading.Event()

    @action("flaky")
    def flaky(params, ctx):
        if ctx.attempt == 1:
            tried.set()
            raise ValueError("once")

    @action("other")
    def other(params, ctx):
        assert tried.wait(30)

    pipeline = ActionPipeline([[Node(flaky, retry=Retry(delay=0.2, jitter=0.0)), other]], max_parallel=1)
    run_id = session.submit(pipeline)
    assert session.wait(run_id).status == "completed"
