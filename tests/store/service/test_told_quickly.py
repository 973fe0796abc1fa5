"""What is read and written by hand for speed is what the schema reads and the codec writes."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.errors import ValidationError
from synapse_core.events import Draft, Kind, stamp
from synapse_core.fold import Folding
from synapse_core.protocols import RunRecord
from synapse_store.once import Append
from synapse_store.service.asking import reader
from synapse_store.service.ledger import append_of
from synapse_store.service.states import Turn
from synapse_store.wire import asked
from synapse_store.wire.codec import run_to_data
from synapse_store.wire.quick import quick_append, quick_report
from synapse_store.wire.text import dumps
from synapse_store.wire.told import RunText

_texts = st.sampled_from(["", "a", "größe", "x" * 201, "\ud800", "2026-11-21T10:00:00+00:00", "2026-11-21T10:00:00Z"])
_odd = st.sampled_from(
    [None, True, -1, 0, 1, 7, 2**53, 2**53 + 1, 10**400, 0.0, 1.0, 0.5, -0.5, [], {}, {"a": [1]}, ["x"]]
)
_any = st.one_of(_texts, _odd)


def _like(usual: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects as they are sent, with some fields left out, and some wrong."""
    fields = {name: st.one_of(st.just(value), st.just(value), _any) for name, value in usual.items()}
    return st.fixed_dictionaries({}, optional={**fields, "other": _any})


_EVENT = {
    "kind": "action.progress",
    "time": "2026-11-21T10:00:00.5+00:00",
    "action": "a",
    "attempt": 1,
    "payload": {"current": 1, "total": 2},
}
_events = st.lists(st.one_of(st.just(_EVENT), _like(_EVENT), _any), max_size=3)
_batches = _like({"producer": "p", "epoch": 1, "seq": 1, "lease": None, "checkpoints": []}).flatmap(
    lambda data: st.one_of(_events, _any).map(lambda events: {**data, "events": events})
)
_reports = _like({"current_action": "a", "status": None, "error": None}).flatmap(
    lambda data: st.one_of(
        _like(
            {
                "name": "a",
                "status": "running",
                "progress": 0.5,
                "total": 2,
                "progress_category": "c",
                "message": "m",
                "attempt": 1,
                "metrics": {"loss": 1},
            }
        ),
        _any,
    ).map(lambda said: {**data, "action_progress": said})
)


@given(data=st.one_of(_batches, _any))
def test_batches_are_read_as_the_schema_reads_them(data):
    """Or not at all; but the usual ones are."""
    quick = quick_append("r", data)
    if quick is None:
        return
    slow = append_of("r", reader(asked.Batch)(data))
    assert _without_now(quick, data) == _without_now(slow, data)


def _without_now(append: Append, data: dict[str, Any]) -> Append:
    """Times that were not given are those of the reading."""
    drafts = [
        draft if event.get("time") is not None else draft._replace(time=_START)
        for draft, event in zip(append.drafts, data["events"], strict=True)
    ]
    return append._replace(drafts=drafts, checkpoints=list(append.checkpoints))


@given(data=st.one_of(_reports, _any))
def test_reports_are_read_as_the_schema_reads_them(data):
    """Or not at all; numbers are floats either way."""
    quick = quick_report(data)
    if quick is None:
        return
    slow = reader(asked.Report)(data)
    assert quick == slow
    assert repr(quick) == repr(slow)


def test_the_usual_is_read_quickly():
    """What clients send nearly always needs no schema."""
    batch = {"producer": "p", "epoch": 1, "seq": 1, "events": [_EVENT, {**_EVENT, "time": None}]}
    assert quick_append("r", batch) is not None
    said = {"name": "a", "status": "running", "progress": 3, "total": 10, "message": "m"}
    assert quick_report({"current_action": "a", "action_progress": said}) is not None
    with pytest.raises(ValidationError):
        reader(asked.Report)({"action_progress": {"name": ""}})
    assert quick_report({"action_progress": {"name": ""}}) is None


# -- how a run is told ------------------------------------------------------------------------------------------

_START = datetime(2026, 11, 21, tzinfo=UTC)
_payloads: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    Kind.ACTION_STARTED: st.just({}),
    Kind.ACTION_PROGRESS: st.fixed_dictionaries(
        {
            "current": st.one_of(st.integers(0, 9), st.floats(0, 9), st.just(float("nan"))),
            "total": st.sampled_from([10, 9.5, None]),
            "category": st.sampled_from([None, "ü", "b"]),
        }
    ),
    Kind.ACTION_METRICS: st.fixed_dictionaries({"metrics": st.dictionaries(_texts, _odd, max_size=2)}),
    Kind.ACTION_MESSAGE: st.fixed_dictionaries({"message": _texts}),
    Kind.ACTION_COMPLETED: st.just({}),
    Kind.RUN_STARTED: st.just({}),
    Kind.RUN_CANCEL_REQUESTED: st.just({}),
    Kind.RUN_FAILED: st.fixed_dictionaries({"error": _texts, "result": _odd}),
}
_drafts = st.sampled_from(list(_payloads)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.sampled_from(["a", "b", "ü", "a[0]"]), st.integers(0, 9), _payloads[kind])
)


@given(steps=st.lists(_drafts, max_size=12), params=st.dictionaries(_texts, _odd, max_size=2))
def test_a_run_is_told_as_the_codec_tells_it(steps, params):
    """With the same fields in the same order, at each of its events."""
    record = RunRecord("r1", "größe", params, {}, _START, work_dir="/w", options={})
    text, folding = RunText(record), Folding()
    plan = {"name": "p", "nodes": [{"name": name} for name in ("a", "b")]}
    drafts = [Draft(Kind.RUN_CREATED, _START, None, 0, plan)]
    drafts += [Draft(kind, _START + timedelta(seconds=s), action, 1, payload) for kind, action, s, payload in steps]
    for event in stamp("r1", 0, drafts):
        folding.apply(event)
        state = folding.snapshot()
        told, wanted = text.of(state), dumps(run_to_data(record, state))
        assert json.loads(told, object_pairs_hook=list) == json.loads(wanted, object_pairs_hook=list)
        assert told == wanted or rb"\ud800" in wanted, "only what is escaped may be written in two ways"


# -- turns ------------------------------------------------------------------------------------------------------


def test_turns():
    """A turn is handed on in order; whoever has given up waiting is passed over, and one that it was given goes on."""

    async def take_part(turn: Turn, name: str, told: list[str]) -> None:
        await turn.wait()
        told.append(name)
        await asyncio.sleep(0)
        turn.give()

    async def play() -> list[str]:
        turn, told = Turn(), list[str]()
        assert turn.take()
        assert not turn.take()
        tasks = [asyncio.create_task(take_part(turn, name, told)) for name in "abcd"]
        await asyncio.sleep(0)
        tasks[1].cancel()
        turn.give()
        assert not turn.take()
        tasks[0].cancel()  # it has been handed the turn by now
        await asyncio.gather(*tasks, return_exceptions=True)
        assert turn.take()
        return told

    assert asyncio.run(play()) == ["c", "d"]
