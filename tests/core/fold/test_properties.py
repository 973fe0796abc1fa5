"""The fold over whatever may come: pure, total, and the same however the events are cut."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from synapse_core.events import Event, Kind
from synapse_core.fold import Folding, fold
from synapse_core.models import ActionStatus, PipelineProgress

AT = datetime(2026, 11, 21, tzinfo=UTC)
NAMES = ["load", "train", "train[0]", "train[1]", "train[12]", "[0]", "]", "a[b]c", "größe[0]", "", None]

numbers = st.integers() | st.floats() | st.just(0) | st.sampled_from([2**1100, -(2**1100), 1e308, 5e-324])
junk = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
keys = ["nodes", "name", "needs", "current", "total", "category", "metrics", "message", "instances", "failure"]
keys += ["error", "errors", "result", "reason", "pipeline_id"]
nodes = st.lists(st.fixed_dictionaries({"name": st.sampled_from(["load", "train", "[0]"])}, optional={"needs": junk}))
sound = st.fixed_dictionaries(
    {},
    optional={
        "nodes": nodes,
        "current": st.integers(0, 100) | st.floats(0, 100),
        "total": st.none() | st.integers(1, 100),
        "category": st.none() | st.sampled_from(["a", "b"]),
        "metrics": st.dictionaries(st.sampled_from(["loss", "lr"]), st.integers()),
        "instances": st.integers(0, 5),
        "failure": st.fixed_dictionaries({"type": st.just("E"), "message": st.text(max_size=3)}),
        "errors": st.lists(st.text(max_size=3), max_size=2),
        "error": st.text(max_size=3),
        "message": st.text(max_size=3),
    },
)
payloads: st.SearchStrategy[Any] = sound | st.dictionaries(st.sampled_from(keys), junk, max_size=4) | junk
times = st.integers(-(10**6), 10**6).map(lambda n: AT + timedelta(milliseconds=n))
kinds = st.sampled_from([*map(str, Kind), "later.kind"])
drafts = st.tuples(kinds, times | times.map(lambda t: t.replace(tzinfo=None)), st.sampled_from(NAMES), payloads)


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """A run's events as a store gives them: numbered, but anything may be in them."""
    found = draw(st.lists(drafts, max_size=25))
    if draw(st.booleans()):
        found = [(str(Kind.RUN_CREATED), AT, None, {"nodes": [{"name": "load"}, {"name": "train"}]}), *found]
    return [
        Event("run", seq, at, kind, name, seq % 4, payload) for seq, (kind, at, name, payload) in enumerate(found, 1)
    ]


@given(logs(), st.data())
def test_a_prefix_and_then_the_rest_give_the_whole(log: list[Event], data: st.DataObject):
    """Wherever it is cut, and however often."""
    whole = fold(log)
    state: PipelineProgress | None = None
    begin = 0
    for end in [*sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=4))), len(log)]:
        state = fold(log[begin:end], state)
        begin = end
    assert state == whole


@given(logs())
def test_who_looks_often_sees_the_same_in_the_end(log: list[Event]):
    """A snapshot after each event changes nothing about the next."""
    state = Folding()
    for event in log:
        state.apply(event)
        assert state.snapshot() == state.snapshot()
    assert state.snapshot() == fold(log)


@given(logs())
def test_what_has_ended_stays_as_it_ended(log: list[Event]):
    """No event of any kind moves a run or an action out of a terminal state."""
    state = Folding()
    ended: dict[str, Any] = {}
    for event in log:
        state.apply(event)
        now = state.snapshot()
        current: dict[str, Any] = {"": now} if now.status.is_terminal() else {}
        current |= {e.name: e for e in [*now.progress, *now.instances.values()] if e.status.is_terminal()}
        for name, before in ended.items():
            assert current[name].status == before.status
            assert current[name].completed_at == before.completed_at
            assert current[name].error == before.error
        ended |= {name: entry for name, entry in current.items() if name not in ended}


@given(logs())
def test_instances_and_their_counts_agree(log: list[Event]):
    """What an action says of its instances is what they are, but for those that have not been heard of."""
    state = fold(log)
    for entry in state.progress:
        own = [each for name, each in state.instances.items() if name.rpartition("[")[0] == entry.name]
        counts = Counter(entry.instances or {})
        told = Counter(str(each.status) for each in own if each.status is not ActionStatus.PENDING)
        assert Counter({status: n for status, n in counts.items() if status != "pending"}) == told
        assert all(n >= 0 for n in counts.values())


@given(logs())
def test_every_state_makes_sense(log: list[Event]):
    """Progress is a part, and the numbers of a category are finite."""
    state = fold(log)
    assert 0.0 <= state.overall_progress <= 1.0
    for entry in [*state.progress, *state.instances.values()]:
        assert 0.0 <= entry.progress <= 1.0
        for category in entry.categories.values():
            assert category.eta is None or category.eta >= 0
            assert category == category  # noqa: PLR0124  NaN would not be
    assert len({entry.name for entry in state.progress}) == len(state.progress)


@given(logs())
def test_events_that_came_twice_count_once(log: list[Event]):
    """Whoever reconnects is told some again."""
    state = Folding()
    for index, event in enumerate(log):
        for again in log[max(0, index - 3) : index + 1]:
            state.apply(again)
        state.apply(event)
    assert state.snapshot() == fold(log)


@given(logs())
def test_the_fold_changes_no_event(log: list[Event]):
    """It is pure: folding twice gives the same, and the payloads are as they were."""
    before = repr(log)
    assert fold(log) == fold(log)
    assert repr(log) == before
