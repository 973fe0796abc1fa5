"""The reporter: what an action reports, held until the engine takes it; bounded, in order, and never in its way."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.context import CancelToken, RuntimeContext
from synapse_core.errors import ActionCancelled
from synapse_core.events import Kind
from synapse_core.testing import wait_until
from synapse_core.worker import Reporter


def reporter(**bounds: Any) -> Reporter:
    return Reporter("train", 2, lambda: None, **bounds)


def test_logs_come_in_order_and_progress_last():
    """Of many values of a category the newest, with the time at which it was given."""
    told = reporter()
    for number in range(5):
        told.set_progress(number, 5)
        told.set_progress(number, 9, "epochs")
        told.info("line %d", number)
    drafts = told.drain()
    assert [str(draft.kind) for draft in drafts] == ["action.log"] * 5 + ["action.progress"] * 2
    assert [draft.payload["message"] for draft in drafts[:5]] == [f"line {n}" for n in range(5)]
    assert drafts[5].payload == {"category": None, "current": 4, "total": 5}
    assert drafts[6].payload == {"category": "epochs", "current": 4, "total": 9}
    assert {(draft.action, draft.attempt) for draft in drafts} == {("train", 2)}
    assert drafts[3].time <= drafts[6].time


def test_what_was_taken_is_not_told_again():
    """Nor progress that has not changed; the same value given anew is."""
    told = reporter()
    told.set_progress(1, 2)
    assert len(told.drain()) == 1
    assert told.drain() == []
    told.set_progress(1, 2)
    assert len(told.drain()) == 1


@given(st.lists(st.tuples(st.sampled_from(["log", "progress", "drain"]), st.integers(0, 3)), max_size=40))
def test_nothing_is_lost_and_nothing_told_twice(steps: list[tuple[str, int]]):
    """Whatever is reported and whenever it is taken."""
    told, logged, newest = reporter(), [], {}
    taken: list[Any] = []
    for number, (step, category) in enumerate(steps):
        if step == "log":
            told.info("%d", number)
            logged.append(str(number))
        elif step == "progress":
            told.set_progress(number, None, f"c{category}")
            newest[f"c{category}"] = number
        else:
            taken += told.drain()
    taken += told.drain()
    assert [draft.payload["message"] for draft in taken if draft.kind == Kind.ACTION_LOG] == logged
    found = {d.payload["category"]: d.payload["current"] for d in taken if d.kind == Kind.ACTION_PROGRESS}
    assert found == newest


@pytest.mark.parametrize("threads", [1, 8])
def test_any_thread_may_report_while_one_drains(threads: int):
    """Each thread's reports keep their order, and none is lost."""
    told = reporter(events=500)
    stop = threading.Event()
    taken: list[Any] = []

    def drain() -> None:
        while not stop.is_set():
            taken.extend(told.drain())

    def report(name: int) -> None:
        for number in range(2000):
            told.info("%d/%d", name, number)
            told.set_progress(number, 2000, str(name))

    drainer = threading.Thread(target=drain)
    drainer.start()
    reporters = [threading.Thread(target=report, args=(name,)) for name in range(threads)]
    for thread in reporters:
        thread.start()
    for thread in reporters:
        thread.join(60)
    stop.set()
    drainer.join(60)
    taken += told.drain()
    messages = [draft.payload["message"] for draft in taken if draft.kind == Kind.ACTION_LOG]
    for name in range(threads):
        assert [m for m in messages if m.startswith(f"{name}/")] == [f"{name}/{number}" for number in range(2000)]


@pytest.mark.parametrize(
    "payload",
    [
        {"message": "x" * 100},
        {"message": "m", "data": {"blob": "x" * 100}},
        {"message": "m", "data": {"list": ["x" * 10] * 10}},
        {"metrics": {"deep": {"er": ["x" * 100]}}},
        {"state": list(range(20))},
    ],
)
def test_what_is_held_is_bounded_in_size(payload: dict[str, Any]):
    """Wherever the bulk of it is: the action is held back until some is taken."""
    woken = threading.Event()
    told = Reporter("train", 1, woken.set, size=1000)
    sent = 0

    def report() -> None:
        nonlocal sent
        for _ in range(200):
            told.emit(Kind.ACTION_LOG, payload)
            sent += 1

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    assert woken.wait(30)
    taken = 0
    while thread.is_alive():
        found = len(told.drain())
        assert found <= 20
        taken += found
        thread.join(0.001)
    assert taken + len(told.drain()) == sent == 200


def test_whoever_is_to_drain_is_woken_before_it_is_full():
    """Once, until something was taken."""
    wakes: list[int] = []
    told = Reporter("train", 1, lambda: wakes.append(1), events=80)
    for number in range(60):
        told.info("%d", number)
    assert len(wakes) == 1
    told.drain()
    for number in range(20):
        told.info("%d", number)
    assert len(wakes) == 2


def test_an_action_that_is_held_back_can_be_cancelled():
    """It waits for nobody then."""
    token = CancelToken()
    told = Reporter("train", 1, lambda: None, token, events=10)
    ended: list[BaseException] = []

    def report() -> None:
        try:
            for number in range(100):
                told.info("%d", number)
        except ActionCancelled as error:
            ended.append(error)

    thread = threading.Thread(target=report)
    thread.start()
    wait_until(lambda: len(told._drafts) >= 10)
    token.cancel("enough")
    thread.join(30)
    assert [str(error) for error in ended] == ["enough"]


def test_one_that_is_closed_holds_nobody_back():
    """After the attempt's end: what an action that was left behind reports is dropped."""
    told = reporter(events=10)

    def report() -> None:
        for number in range(1000):
            told.info("%d", number)

    thread = threading.Thread(target=report)
    thread.start()
    wait_until(lambda: len(told._drafts) >= 10)
    told.close()
    thread.join(30)
    assert not thread.is_alive()
    told.drain()
    told.info("late")
    told.take([])
    assert told.drain() == []


@pytest.mark.parametrize("junk", [float("nan"), "half", None, [1], object(), float("inf")])
def test_progress_that_makes_no_sense_is_told_as_a_warning(junk: Any):
    """And not taken for nought; the action is not disturbed."""
    told = reporter()
    told.set_progress(junk, 10)
    (draft,) = told.drain()
    assert (draft.kind, draft.payload["level"]) == (Kind.ACTION_LOG, "warning")
    assert "no finite number" in draft.payload["message"]
    told.set_progress(1, junk, ["no", "name"])  # type: ignore[arg-type]
    (draft,) = told.drain()
    assert draft.payload == {"category": "['no', 'name']", "current": 1, "total": None}


def test_progress_can_be_asked_for():
    """Of a category, or of the one that reported last."""
    told = reporter()
    assert told.get_progress().current == 0
    told.set_progress(1, 10, "epochs")
    told.set_progress(5, 10, "epochs")
    found = told.get_progress("epochs")
    assert (found.current, found.total, found.percent) == (5, 10, 50.0)
    while found.rate is None:  # no time had passed between the two
        told.set_progress(5, 10, "epochs")
        found = told.get_progress("epochs")
    assert found.rate > 0
    assert told.get_progress() == told.get_progress("epochs") or told.get_progress().current == 5
    assert told.get_progress("other").current == 0
    told.set_progress("half", 10, "junk")  # type: ignore[arg-type]
    assert told.get_progress("junk").current == 0


def test_numbers_of_other_kinds_become_plain():
    """As numpy's."""
    numpy = pytest.importorskip("numpy")
    told = reporter()
    told.set_progress(numpy.int64(3), numpy.float32(4.0))
    assert told.drain()[0].payload == {"category": None, "current": 3, "total": 4.0}


def test_a_context_stops_at_its_next_call_once_cancelled():
    """Whichever call it is; `finally` may still end the log."""
    token = CancelToken()
    ctx = RuntimeContext(reporter(), cancel=token)
    token.cancel("enough")
    token.cancel("a later reason")
    calls = [
        ctx.check,
        lambda: ctx.set_progress(1),
        lambda: ctx.set_metrics({}),
        lambda: ctx.log("x"),
        lambda: ctx.log_message("x"),
        lambda: ctx.log_dev_event("x"),
        lambda: ctx.autolog("x"),
        lambda: ctx.save_checkpoint({}),
        lambda: ctx.sleep(60),
    ]
    for call in calls:
        with pytest.raises(ActionCancelled, match="enough"):
            call()
    assert ctx.cancelled
    ctx.end_log("over")
