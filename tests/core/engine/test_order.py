"""Order, params and results of a run, through the session."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from synapse_core import ActionPipeline, BaseAction, ExecutionError, Node, Session, action
from synapse_core.errors import ParamsConflictError, ValidationError
from synapse_core.events import Kind
from synapse_core.testing import wait_until
from tests.core.engine.helpers import Gate, act, events_of, order, statuses


def seen(name: str, log: list[tuple[str, dict[str, Any]]], result: Any = None) -> Any:
    """An action that notes what params it was given."""

    @action(name)
    def body(params, ctx):
        log.append((name, params))
        return result

    return body


def test_a_sequence_runs_in_order_and_params_accumulate(session: Session):
    """Each sees the initial params updated by every earlier result; the run's result is the last one's."""
    log: list[Any] = []
    steps = [seen("a", log, {"x": 1, "seed": 8}), seen("b", log, {"y": 2}), seen("c", log, {"z": 3})]
    assert session.execute(steps, {"seed": 7}) == {"z": 3}
    assert log == [("a", {"seed": 7}), ("b", {"seed": 8, "x": 1}), ("c", {"seed": 8, "x": 1, "y": 2})]


def test_states_follow_the_run(session: Session):
    """pending, running, completed: of the run and of each action."""
    gate = Gate()
    run_id = session.submit([gate.action("a"), act("b")])
    gate.wait_for(1)
    wait_until(lambda: statuses(session, run_id)["a"] == "running")
    assert (session.progress(run_id).status, statuses(session, run_id)["b"]) == ("running", "pending")
    gate.open.set()
    final = session.wait(run_id)
    assert (final.status, final.overall_progress) == ("completed", 1.0)
    assert statuses(session, run_id) == {"a": "completed", "b": "completed"}


def test_the_log_tells_the_run_from_its_creation_to_its_end(session: Session):
    """Numbered without a gap; the first is the creation, the last the end, with the result."""
    run_id = session.submit([act("a"), act("b")], {"p": 1}, name="mine")
    session.wait(run_id)
    events = events_of(session, run_id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [str(event.kind) for event in events] == [
        *("run.created", "run.started"),
        *("action.started", "action.completed") * 2,
        "run.completed",
    ]
    assert events[0].payload["name"] == "mine"
    assert events[0].payload["params"] == {"p": 1}
    assert events[-1].payload == {"result": {"b": True}}
    assert [event.time for event in events] == sorted(event.time for event in events)


def test_branches_run_at_once_and_see_their_ancestors_only(session: Session):
    """In a graph an action sees the results of those before it, and not of those beside it."""
    log: list[Any] = []
    both = Gate()
    graph = [
        seen("first", log, {"f": 1}),
        [[both.action("a", {"a": 1}), seen("after_a", log)], [both.action("b", {"b": 1}), seen("after_b", log)]],
        seen("join", log),
    ]
    run_id = session.submit(graph)
    both.wait_for(2)
    both.open.set()
    session.wait(run_id)
    views = dict(log)
    assert views["after_a"] == {"f": 1, "a": 1}
    assert views["after_b"] == {"f": 1, "b": 1}
    assert views["join"] == {"f": 1, "a": 1, "b": 1}
    assert order(session, run_id)[-1] == "completed join"


def test_several_last_actions_give_their_results_by_name(session: Session):
    """Where several are last, none of them is the result."""
    assert session.execute([act("a"), [act("b"), act("c")]]) == {"b": {"b": True}, "c": {"c": True}}


@pytest.mark.parametrize("result", [None, 7, "text", [1, 2], {"k": 1}])
def test_any_result_is_kept_and_only_mappings_merge(session: Session, result: Any):
    """A result that is no mapping is that action's result, and adds nothing to the params."""
    log: list[Any] = []
    run_id = session.submit([seen("a", log, result), seen("b", log, "end")], {"p": 1})
    session.wait(run_id)
    assert log[1] == ("b", {"p": 1, **(result if isinstance(result, dict) else {})})
    first, _ = session.call(session.store.checkpoints(run_id))
    assert first.result == result


@attrs.define
class Weights:
    path: str
    loss: float = 0.5


def test_a_model_instance_merges_its_fields(session: Session):
    """An attrs instance adds its fields; in this process the result itself is the object."""

    @action("train")
    def train(params, ctx) -> Weights:
        return Weights("w.pt")

    log: list[Any] = []
    session.execute([train, seen("b", log)])
    assert log == [("b", {"path": "w.pt", "loss": 0.5})]
    assert session.execute([train]) == Weights("w.pt")


def test_a_conflict_of_branches_names_both(session: Session):
    """Two unordered actions gave one key different values, and the join takes it."""
    graph = [[act("a", {"w": 1}), act("b", {"w": 2})], act("join")]
    with pytest.raises(ExecutionError, match="'w'") as caught:
        session.execute(graph)
    assert isinstance(caught.value.__cause__, ParamsConflictError)
    assert "'a'" in str(caught.value)
    assert "'b'" in str(caught.value)


def test_a_binding_settles_a_conflict(session: Session):
    """`inputs` say whose value it is; nested results and initial params can be bound too."""
    log: list[Any] = []
    inputs = {"w": "b.w", "deep": "a.model.layers.1", "s": "params.seed", "all": "a"}
    first = {"w": 1, "model": {"layers": [8, 16]}}
    session.execute([[act("a", first), act("b", {"w": 2})], Node(seen("join", log), inputs=inputs)], {"seed": 3})
    _, view = log[0]
    assert {key: view[key] for key in inputs} == {"w": 2, "deep": 16, "s": 3, "all": first}


def test_a_binding_that_leads_nowhere_fails_that_action(session: Session):
    """What was looked for is named, and what is near."""
    with pytest.raises(ExecutionError, match=r"'weigths'.*'weights'"):
        session.execute([act("a", {"weights": 1}), Node(act("b"), inputs={"w": "a.weigths"})])


def test_params_that_do_not_fit_fail_the_action_by_every_field(session: Session):
    """All wrong fields at once, by path, with type found and wanted; the action is not begun, nor retried."""

    @attrs.define
    class Params:
        epochs: int
        layers: list[int]

    @action("train", params=Params)
    def train(params, ctx):
        raise AssertionError("it must not run")

    with pytest.raises(ExecutionError) as caught:
        session.execute([train], {"epochs": "many", "layers": [1, "x"]})
    cause = caught.value.__cause__
    assert isinstance(cause, ValidationError)
    assert [issue.path for issue in cause.issues] == ["epochs", "layers[1]"]
    assert caught.value.error_type == "ValidationError"
    assert len(events_of(session, caught.value.run_id, Kind.ACTION_STARTED)) == 1


def test_unknown_params_are_ignored_in_a_pipeline_unless_forbidden(session: Session):
    """Params accumulate, so an action is not asked to know them all."""

    class Train(BaseAction[Weights]):
        def execute(self) -> dict[str, Any]:
            return {"path": self.params.path}

    assert session.execute([Train], {"path": "w", "epochs": 3}) == {"path": "w"}
    with pytest.raises(ExecutionError, match="pth"):
        session.execute([Train], {"path": "w", "pth": 3}, extra="forbid")


def test_what_an_action_does_to_its_params_is_its_own_affair(session: Session):
    """Neither the caller's dict, nor what is stored, nor what others see is changed by it."""
    log: list[Any] = []

    @action("vandal")
    def vandal(params, ctx):
        params["files"].append("x")
        params["deep"]["a"]["b"] = 2
        params["new"] = 1

    given = {"files": ["f"], "deep": {"a": {"b": 1}}}
    run_id = session.submit([vandal, seen("after", log)], given)
    session.wait(run_id)
    untouched = {"files": ["f"], "deep": {"a": {"b": 1}}}
    assert given == untouched
    assert log == [("after", untouched)]
    assert session.call(session.store.record(run_id)).params == untouched


def test_what_an_action_does_to_its_result_later_changes_nothing(session: Session):
    """A result is what it was when the action returned it."""
    kept: dict[str, Any] = {"list": [1]}
    log: list[Any] = []

    @action("late")
    def late(params, ctx):
        kept["list"].append(2)

    run_id = session.submit([act("keeper", kept), late, seen("after", log)])
    session.wait(run_id)
    assert log == [("after", {"list": [1]})]
    assert session.call(session.store.checkpoints(run_id))[0].result == {"list": [1]}


def test_a_condition_that_does_not_hold_skips_the_action(session: Session):
    """It is skipped with the reason; what comes after it runs without its result."""
    log: list[Any] = []
    graph = [act("a", {"augment": False}), Node(act("aug"), when="augment"), seen("train", log)]
    run_id = session.submit(graph)
    session.wait(run_id)
    assert statuses(session, run_id) == {"a": "completed", "aug": "skipped", "train": "completed"}
    assert "when='augment'" in (session.progress(run_id).action("aug").message or "")
    assert log == [("train", {"augment": False})]


def test_a_condition_may_be_a_function(session: Session):
    """Of the params that the node sees; one that raises fails that node."""
    graph = ActionPipeline([act("a", {"loss": 0.5}), Node(act("tune"), when=lambda params: params["loss"] > 0.1)])
    assert session.execute(graph) == {"tune": True}
    broken = [act("a"), Node(act("tune"), when=lambda params: params["loss"] > 0.1)]
    with pytest.raises(ExecutionError, match="KeyError"):
        session.execute(broken)


def test_a_skipped_last_action_has_no_result(session: Session):
    """The run is completed, with nothing to show."""
    assert session.execute([act("a"), Node(act("b"), when="never")]) is None


def test_a_large_graph_runs_whole(session: Session):
    """Wide and deep, with a join of everything."""
    layers = [[act(f"n{layer}_{index}") for index in range(20)] for layer in range(10)]
    run_id = session.submit([*layers, act("end")], name="large")
    assert session.wait(run_id).status == "completed"
    assert set(statuses(session, run_id).values()) == {"completed"}
