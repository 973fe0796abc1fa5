"""One instance of an action for each item of a list."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest

from synapse_core import ActionPipeline, ExecutionError, Node, Retry, Session, action
from synapse_core.events import Kind
from synapse_core.testing import actions, wait_until
from tests.core.engine.helpers import Gate, act, events_of, statuses


@action("square")
def square(params, ctx):
    return params["n"] ** 2


def test_results_come_back_in_item_order(session: Session):
    """Whatever the order in which the instances end."""
    later = threading.Event()

    @action("late_first")
    def late_first(params, ctx):
        if params["n"] == 0:
            assert later.wait(30)
        elif params["n"] == 9:
            later.set()
        return params["n"]

    assert session.execute([Node(late_first, each="n in numbers")], {"numbers": list(range(10))}) == list(range(10))


def test_each_instance_gets_its_item_and_not_the_list(session: Session):
    """Under the list's own name, or another; with all other params."""
    log: list[dict[str, Any]] = []

    @action("look")
    def look(params, ctx):
        log.append(params)

    session.execute([Node(look, each="files", max_parallel=1)], {"files": ["a", "b"], "seed": 1})
    assert log == [{"files": "a", "seed": 1}, {"files": "b", "seed": 1}]
    log.clear()
    session.execute([Node(look, each="file in files", max_parallel=1)], {"files": ["a"]})
    assert log == [{"file": "a"}]


def test_the_list_may_come_from_an_earlier_action(session: Session):
    """It is found when it is known; the results merge nothing, but can be bound."""
    pipeline = [
        act("find", {"numbers": [3, 4]}),
        Node(square, each="n in numbers"),
        Node(actions.echo, inputs={"squares": "square", "first": "square.0"}),
    ]
    assert session.execute(pipeline) == {"numbers": [3, 4], "squares": [9, 16], "first": 9}


def test_each_instance_has_a_state_of_its_own(session: Session):
    """Status, attempt and checkpoint; the action counts them."""
    run_id = session.submit([Node(square, each="n in numbers")], {"numbers": [1, 2, 3]})
    state = session.wait(run_id)
    assert [(e.name, str(e.status), e.attempt) for e in state.instances.values()] == [
        (f"square[{n}]", "completed", 1) for n in range(3)
    ]
    assert state.action("square").instances == {"pending": 0, "running": 0, "completed": 3}
    checkpoints = {c.action_name: c.result for c in session.call(session.store.checkpoints(run_id))}
    assert checkpoints == {"square[0]": 1, "square[1]": 4, "square[2]": 9, "square": [1, 4, 9]}


def test_an_empty_list_has_no_instances(session: Session):
    """The action is completed with an empty list."""
    run_id = session.submit([Node(square, each="n in numbers"), act("after")], {"numbers": []})
    session.wait(run_id)
    assert statuses(session, run_id) == {"square": "completed", "after": "completed"}
    assert session.call(session.store.checkpoints(run_id))[0].result == []


@pytest.mark.parametrize("given", ["text", 7, {"a": 1}, None])
def test_what_is_no_list_fails_the_action(session: Session, given: Any):
    """The param is named, with its type."""
    with pytest.raises(ExecutionError, match=f"'numbers' must be a list, and is of type {type(given).__name__}"):
        session.execute([Node(square, each="n in numbers")], {"numbers": given})


def test_a_list_that_is_not_there_fails_the_action(session: Session):
    """With the nearest name that there is."""
    with pytest.raises(ExecutionError, match=r"no param 'numbers'.*'number'"):
        session.execute([Node(square, each="n in numbers")], {"number": [1]})


def test_no_more_than_max_parallel_run_at_once(session: Session):
    """And as many as that do."""
    gate = Gate()
    run_id = session.submit([Node(gate.action("a"), each="items", max_parallel=3)], {"items": list(range(8))})
    gate.wait_for(3)
    gate.open.set()
    session.wait(run_id)
    assert gate.most == 3
    assert len(gate.began) == 8


def test_an_instance_is_tried_again_by_itself(session: Session):
    """The others are not."""
    seen: list[tuple[int, int]] = []

    @action("flaky")
    def flaky(params, ctx):
        seen.append((params["n"], ctx.attempt))
        if params["n"] == 1 and ctx.attempt == 1:
            raise ValueError("once")
        return params["n"]

    retry = Retry(max_attempts=2, delay=0.0)
    assert session.execute([Node(flaky, each="n in numbers", retry=retry)], {"numbers": [0, 1, 2]}) == [0, 1, 2]
    assert sorted(seen) == [(0, 1), (1, 1), (1, 2), (2, 1)]


def failing_at(*bad: int) -> Any:
    @action("picky")
    def picky(params, ctx):
        if params["n"] in bad:
            raise ValueError(f"not {params['n']}")
        return params["n"]

    return picky


def test_an_instance_that_fails_fails_its_action(session: Session):
    """The instance is named; nothing new is started, and what came after is skipped."""
    with pytest.raises(ExecutionError, match=r"action 'picky\[2\]' failed: ValueError: not 2") as caught:
        session.execute(
            [Node(failing_at(2), each="n in numbers", max_parallel=1), act("after")], {"numbers": list(range(6))}
        )
    state = session.progress(caught.value.run_id)
    assert {name: str(entry.status) for name, entry in state.instances.items()} == {
        "picky[0]": "completed",
        "picky[1]": "completed",
        "picky[2]": "failed",
    }
    assert state.action("picky").instances == {"pending": 3, "running": 0, "completed": 2, "failed": 1}
    assert statuses(session, caught.value.run_id) == {"picky": "failed", "after": "skipped"}
    assert len(state.errors) == 1


def test_with_continue_the_other_instances_are_run(session: Session):
    """All errors are listed, each with its instance; what depends on the action is skipped."""
    pipeline = ActionPipeline(
        [[[Node(failing_at(1, 3), each="n in numbers"), act("after")], act("beside")]], on_failure="continue"
    )
    with pytest.raises(ExecutionError, match="and 1 more") as caught:
        session.execute(pipeline, {"numbers": list(range(6))})
    state = session.progress(caught.value.run_id)
    assert state.action("picky").instances == {"pending": 0, "running": 0, "completed": 4, "failed": 2}
    assert statuses(session, caught.value.run_id) == {"picky": "failed", "after": "skipped", "beside": "completed"}
    assert sorted(error.split("'")[1] for error in state.errors) == ["picky[1]", "picky[3]"]


def test_with_cancel_the_other_instances_are_stopped(session: Session):
    """Those that run fail as cancelled."""
    gate = Gate()
    waiting = gate.action("waiting")

    @action("mixed")
    def mixed(params, ctx):
        if params["n"]:
            return waiting(params, ctx)
        gate.wait_for(2)
        raise ValueError("no")

    pipeline = ActionPipeline([Node(mixed, each="n in numbers")], on_failure="cancel")
    with pytest.raises(ExecutionError, match=r"mixed\[0\]"):
        session.execute(pipeline, {"numbers": [0, 1, 2]})
    assert gate.running == 0


def test_lists_may_be_nested(session: Session):
    """The result of one fan-out is the list of the next."""
    pipeline = [
        Node(square, name="once", each="n in numbers"),
        Node(actions.value, name="pack", inputs={"value": "once"}),
        Node(square, name="again", each="n in squares", inputs={"squares": "pack"}),
    ]
    assert session.execute(pipeline, {"numbers": [1, 2, 3]}) == [1, 16, 81]


def test_items_may_be_lists_and_mappings(session: Session):
    """Each instance gets its own, and what it does to it is its own affair."""

    @action("spoil")
    def spoil(params, ctx):
        params["item"].append("x")
        return len(params["item"])

    given = {"items": [[1], [1, 2], []]}
    assert session.execute([Node(spoil, each="item in items")], given) == [2, 3, 1]
    assert given == {"items": [[1], [1, 2], []]}


def test_async_instances_run_at_once(session: Session):
    """Hundreds of them wait on one loop."""
    random.seed(7)
    numbers = [random.random() for _ in range(300)]
    results = session.execute([Node(actions.async_echo, each="n in numbers")], {"numbers": numbers})
    assert results == [{"n": number} for number in numbers]


@pytest.mark.slow
def test_ten_thousand_instances_with_logs(session: Session):
    """All of them, in order, with every log."""

    @action("loud")
    def loud(params, ctx):
        for line in range(20):
            ctx.log_message(f"{params['n']}/{line}")
        return params["n"]

    run_id = session.submit([Node(loud, each="n in numbers")], {"numbers": list(range(10_000))})
    state = session.wait(run_id)
    assert session.result(run_id) == list(range(10_000))
    assert state.action("loud").instances == {"pending": 0, "running": 0, "completed": 10_000}
    assert state.seq == 10_000 * 22 + 5


def test_a_failure_while_many_wait_ends_soon(session: Session):
    """Those that were not started leave no trace but their count."""

    @action("first_fails")
    def first_fails(params, ctx):
        if params["n"] == 0:
            raise ValueError("no")
        wait_until(lambda: events_of(session, ctx.run_id, Kind.ACTION_FAILED), "the first to have failed")

    run_id = session.submit([Node(first_fails, each="n in numbers", max_parallel=2)], {"numbers": list(range(5000))})
    with pytest.raises(ExecutionError):
        session.wait(run_id)
    state = session.progress(run_id)
    assert state.action("first_fails").instances == {"pending": 4998, "running": 0, "completed": 1, "failed": 1}
    assert len(events_of(session, run_id, Kind.ACTION_STARTED)) == 3
