"""The fold: what events make of a run, one rule after the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from synapse_core.events import Draft, Event, Kind, stamp
from synapse_core.fold import Folding, fold
from synapse_core.models import ActionStatus, Failure, PipelineProgress, RunStatus

AT = datetime(2026, 11, 21, tzinfo=UTC)


def draft(kind: str, action: str | None = None, attempt: int = 0, second: float = 0, **payload: object) -> Draft:
    return Draft(kind, AT + timedelta(seconds=second), action, attempt, payload)


CREATED = draft(
    Kind.RUN_CREATED,
    name="demo",
    pipeline_id="p",
    nodes=[{"name": "load", "needs": []}, {"name": "train", "needs": ["load"]}],
)


def after(*drafts: Draft) -> PipelineProgress:
    """The state after a run of two actions was created and these events happened."""
    return fold(stamp("run", 0, [CREATED, *drafts]))


def test_nothing_has_happened_yet():
    """The fold of no events is a pending run without actions."""
    assert fold([]) == PipelineProgress()


def test_a_created_run_has_its_actions_in_order():
    """All actions are pending, in pipeline order, with what each needs."""
    state = after()
    assert (state.run_id, state.name, state.pipeline_id, state.status) == ("run", "demo", "p", RunStatus.PENDING)
    assert [(entry.name, entry.status) for entry in state.progress] == [("load", "pending"), ("train", "pending")]
    assert state.needs == {"load": (), "train": ("load",)}
    assert (state.created_at, state.seq) == (AT, 1)


def test_an_action_starts_and_completes():
    """Its times, its status, and the run's overall progress."""
    state = after(
        draft(Kind.RUN_STARTED, second=1),
        draft(Kind.ACTION_STARTED, "load", 1, 2),
        draft(Kind.ACTION_COMPLETED, "load", 1, 5),
    )
    load = state.action("load")
    assert (load.status, load.progress, load.attempt) == ("completed", 1.0, 1)
    assert (load.started_at, load.completed_at) == (AT + timedelta(seconds=2), AT + timedelta(seconds=5))
    assert (state.status, state.overall_progress, state.current_action) == ("running", 0.5, "load")
    assert state.current_action_index == 0


@pytest.mark.parametrize(("payload", "share"), [({"reused": True}, 0.5), ({}, 0.5), ({"reached": False}, 0.0)])
def test_what_is_skipped_counts_unless_it_was_never_reached(payload: dict[str, bool], share: float):
    """Of a result that is reused, or not wanted, nothing is left to do; of what a failure cut off, all."""
    state = after(draft(Kind.ACTION_SKIPPED, "train", reason="so", **payload))
    assert state.overall_progress == share
    assert Folding(state).overall_progress == share


def test_instances_that_were_never_reached_count_for_nothing():
    """A fan-out that is cut off stays as far as it was."""
    state = after(
        draft(Kind.ACTION_STARTED, "train", 1, instances=4),
        draft(Kind.ACTION_COMPLETED, "train[0]", 1),
        draft(Kind.ACTION_SKIPPED, "train[1]", reason="cancelled", reached=False),
    )
    train = state.action("train")
    assert (train.progress, train.instances) == (0.25, {"pending": 2, "completed": 1, "skipped": 1})


def test_progress_counts_rate_and_time_left():
    """From the first report of a category to the newest."""
    state = after(
        draft(Kind.ACTION_STARTED, "train", 1),
        draft(Kind.ACTION_PROGRESS, "train", 1, 10, category="epochs", current=2, total=12),
        draft(Kind.ACTION_PROGRESS, "train", 1, 14, category="epochs", current=4, total=12),
    )
    train = state.action("train")
    epochs = train.categories["epochs"]
    assert train.progress == pytest.approx(1 / 3)
    assert train.progress_category == "epochs"
    assert (epochs.rate, epochs.eta) == (0.5, 16.0)


def test_an_attempt_that_goes_on_has_a_pace_of_its_own():
    """A recovered action reports on where it was: the time that nobody ran it does not count."""
    state = after(
        draft(Kind.ACTION_STARTED, "train", 1, 0),
        draft(Kind.ACTION_PROGRESS, "train", 1, 0, current=0, total=10),
        draft(Kind.ACTION_PROGRESS, "train", 1, 4, current=4, total=10),
        draft(Kind.ACTION_STARTED, "train", 2, 1000),
    )
    (kept,) = state.action("train").categories.values()
    assert (kept.current, kept.total, kept.rate, kept.eta) == (4, 10, None, None)
    state = fold(
        stamp(
            "run",
            state.seq,
            [
                draft(Kind.ACTION_PROGRESS, "train", 2, 1000, current=4, total=10),
                draft(Kind.ACTION_PROGRESS, "train", 2, 1002, current=8, total=10),
            ],
        ),
        state,
    )
    (pace,) = state.action("train").categories.values()
    assert (pace.rate, pace.eta) == (2.0, 1.0)


def test_progress_that_goes_back_is_counted_anew():
    """A new attempt or epoch has no negative rate."""
    state = after(
        draft(Kind.ACTION_PROGRESS, "train", 1, 0, current=10, total=20),
        draft(Kind.ACTION_PROGRESS, "train", 1, 10, current=2, total=20),
        draft(Kind.ACTION_PROGRESS, "train", 1, 12, current=4, total=20),
    )
    assert state.action("train").categories["default"].rate == 1.0


def test_metrics_and_messages_are_the_newest():
    """Metrics of one name are replaced, others stay; of messages the last counts."""
    state = after(
        draft(Kind.ACTION_METRICS, "train", metrics={"loss": 1, "lr": 0.1}),
        draft(Kind.ACTION_MESSAGE, "train", message="one"),
        draft(Kind.ACTION_METRICS, "train", metrics={"loss": 0.5}),
        draft(Kind.ACTION_MESSAGE, "train", message="two"),
    )
    assert state.action("train").metrics == {"loss": 0.5, "lr": 0.1}
    assert state.action("train").message == "two"


def test_a_retried_action_stays_running():
    """Its attempt number rises, and what made it fail is told until it is completed."""
    failure = {"type": "ValueError", "message": "no", "traceback": "…"}
    events = [
        draft(Kind.ACTION_STARTED, "train", 1),
        draft(Kind.ACTION_RETRYING, "train", 1, error="ValueError: no", failure=failure),
        draft(Kind.ACTION_STARTED, "train", 2),
    ]
    train = after(*events).action("train")
    assert (train.status, train.attempt, train.error) == ("running", 2, "ValueError: no")
    assert train.failure == Failure("ValueError", "no", "…")
    done = after(*events, draft(Kind.ACTION_COMPLETED, "train", 2)).action("train")
    assert (done.status, done.error, done.failure) == ("completed", None, None)


def test_a_failed_run_has_its_errors():
    """The first error, and all of them."""
    state = after(
        draft(Kind.ACTION_FAILED, "load", 1, error="E: 1", failure={"type": "E", "message": "1"}),
        draft(Kind.ACTION_SKIPPED, "train", reason="not started"),
        draft(Kind.RUN_FAILED, error="first", errors=["first", "second"]),
    )
    assert (state.status, state.error, state.errors) == (RunStatus.FAILED, "first", ("first", "second"))
    assert state.action("load").failure == Failure("E", "1")
    assert (state.action("train").status, state.action("train").message) == ("skipped", "not started")


@pytest.mark.parametrize("kind", [Kind.RUN_COMPLETED, Kind.RUN_FAILED, Kind.RUN_CANCELLED])
@pytest.mark.parametrize("later", [Kind.RUN_COMPLETED, Kind.RUN_FAILED, Kind.RUN_CANCELLED, Kind.ACTION_STARTED])
def test_a_run_that_has_ended_stays_as_it_is(kind: Kind, later: Kind):
    """`completed` never overwrites `cancelled`, nor anything anything."""
    ended = after(draft(kind, result=1))
    more = fold(stamp("run", 2, [draft(later, "train", 9, error="x", result=2)]), ended)
    assert more.status == ended.status
    assert (more.progress, more.result, more.error, more.seq) == (ended.progress, 1, None, 3)


@pytest.mark.parametrize("kind", [Kind.ACTION_COMPLETED, Kind.ACTION_FAILED, Kind.ACTION_SKIPPED])
def test_an_action_that_has_ended_stays_as_it_is(kind: Kind):
    """Also when a late report comes in."""
    late = [draft(k, "load", 5, error="late", metrics={"x": 1}, message="late") for k in Kind if "action." in k]
    ended = after(draft(kind, "load", 1))
    assert after(draft(kind, "load", 1), *late).action("load") == ended.action("load")


def test_an_event_that_is_no_news_changes_nothing():
    """A seq that was seen: who reconnects may be told twice."""
    events = stamp("run", 0, [CREATED, draft(Kind.RUN_STARTED), draft(Kind.ACTION_STARTED, "load", 1)])
    state = Folding()
    for event in [*events, *events, events[1]]:
        state.apply(event)
    assert state.snapshot() == fold(events)


def test_instances_are_counted_in_their_action():
    """Each instance has a state of its own; its action says how many are in which."""
    state = after(
        draft(Kind.ACTION_STARTED, "train", 1, instances=4),
        draft(Kind.ACTION_STARTED, "train[0]", 1),
        draft(Kind.ACTION_STARTED, "train[1]", 1),
        draft(Kind.ACTION_COMPLETED, "train[0]", 1),
        draft(Kind.ACTION_SKIPPED, "train[3]", reason="cancelled"),
    )
    assert state.action("train").instances == {"pending": 1, "running": 1, "completed": 1, "skipped": 1}
    assert state.action("train").progress == 0.5
    assert [entry.name for entry in state.progress] == ["load", "train"]
    assert set(state.instances) == {"train[0]", "train[1]", "train[3]"}
    assert state.action("train[1]").status == ActionStatus.RUNNING
    assert state.current_action == "train"


def test_an_action_that_only_looks_like_an_instance_is_an_action():
    """Where there is no action that it could be one of."""
    state = after(draft(Kind.ACTION_STARTED, "other[0]", 1))
    assert state.action("other[0]").status == "running"
    assert state.instances == {}


def test_a_cancel_that_was_asked_for_is_seen():
    """Before anything has come of it."""
    state = after(draft(Kind.RUN_STARTED), draft(Kind.RUN_CANCEL_REQUESTED, reason="enough"))
    assert (state.status, state.cancel_requested) == ("running", True)


def test_a_snapshot_makes_anew_only_what_changed():
    """An action that nothing happened to is the very same value."""
    state = Folding()
    for event in stamp("run", 0, [CREATED, draft(Kind.ACTION_STARTED, "load", 1)]):
        state.apply(event)
    before = state.snapshot()
    state.apply(Event("run", 3, AT, Kind.ACTION_COMPLETED, "load", 1))
    assert state.snapshot().action("train") is before.action("train")
    assert state.snapshot().action("load") is not before.action("load")


def test_one_action_and_the_outline_are_had_without_the_rest():
    """For those who follow runs of many actions."""
    state = Folding()
    for event in stamp("run", 0, [CREATED, draft(Kind.RUN_STARTED), draft(Kind.ACTION_STARTED, "load", 1)]):
        state.apply(event)
    whole = state.snapshot()
    assert state.action("load") == whole.action("load")
    assert state.action("nobody") is None
    assert state.status is whole.status
    assert state.size == 2
    assert (state.outline().overall_progress, state.outline().progress) == (whole.overall_progress, ())


def test_an_event_goes_over_the_wire_and_back():
    """`from_dict` gives what `to_dict` was given."""
    event = Event("run", 3, AT, Kind.ACTION_LOG, "größe", 2, {"message": "→"})
    assert Event.from_dict(event.to_dict()) == event
