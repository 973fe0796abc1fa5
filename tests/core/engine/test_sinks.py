"""Sinks: told all, in order, each on a thread of its own; one that fails or hangs harms nobody."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from synapse_core import RunCancelledError, Session, hookimpl
from synapse_core.builtin.memory import MemoryStore
from synapse_core.engine.sinks import Sinks
from synapse_core.engine.telling import Teller
from synapse_core.events import RUN_ENDED, Draft, Event, Kind, now, stamp
from synapse_core.protocols import RunInfo, RunRecord
from synapse_core.testing import actions, wait_until
from tests.core.engine.helpers import Gate, act, events_of


class Keeping:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.threads: set[str] = set()
        self.closed = 0

    def write(self, events: Sequence[Event]) -> None:
        self.events += events
        self.threads.add(threading.current_thread().name)

    def has(self, kind: str) -> bool:
        """Whether it was told of such an event."""
        return any(event.kind == kind for event in self.events)

    def close(self) -> None:
        self.closed += 1


class Raising(Keeping):
    """Raises at the second batch."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__()
        self.error = error or OSError("no room")
        self.asked = 0

    def write(self, events: Sequence[Event]) -> None:
        self.asked += 1
        raise self.error


class Hanging(Keeping):
    """Hangs until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def write(self, events: Sequence[Event]) -> None:
        super().write(events)
        self.go.wait()


def test_a_sink_is_told_of_a_cancel_when_it_is_asked_for(session: Session):
    """Not when the actions, which may not listen and report nothing, have ended."""
    sink, gate = Keeping(), Gate()
    run_id = session.submit([gate.action("a", listens=False)], sinks=[sink], grace=600)
    wait_until(lambda: sink.has(Kind.ACTION_STARTED), "the sink to be told of the action")
    session.cancel(run_id)
    wait_until(lambda: sink.has(Kind.RUN_CANCEL_REQUESTED), "the sink to be told of the cancel")
    assert gate.running == 1
    gate.open.set()
    with pytest.raises(RunCancelledError):
        session.wait(run_id)
    assert sink.events == events_of(session, run_id)


class Slow(MemoryStore):
    """Answers after others had their turn."""

    async def read(self, *args: Any, **how: Any) -> list[Event]:
        events = await super().read(*args, **how)
        await asyncio.sleep(0)
        return events


def test_what_actions_side_by_side_have_flushed_is_told_once():
    """Where the sinks are behind, each of them catches up, at a time; the sink has every event once."""
    sink = Keeping()
    sinks = Sinks([("test", sink)])

    async def body() -> None:
        store = Slow()
        await store.create(RunRecord("run", "run", {}, {}, now()), [Draft(Kind.RUN_CREATED, now())])
        teller = Teller(store, "run", sinks)
        await asyncio.gather(*(teller.catch_up() for _ in range(3)))
        started = [Draft(Kind.RUN_STARTED, now())]
        teller.wrote(started, await store.append("run", started))

    asyncio.run(body())
    sinks.close(10.0)
    assert [event.seq for event in sink.events] == [1, 2]


def test_a_sink_is_told_all_in_order(session: Session):
    """What it is told is what is stored, from the run's creation to its end; then it is closed, once."""
    sink = Keeping()
    run_id = session.submit([actions.report, act("b")], {"logs": 2000, "metrics": 5, "progress": 50}, sinks=[sink])
    session.wait(run_id)
    assert sink.events == events_of(session, run_id)
    assert sink.closed == 1
    assert len(sink.threads) == 1
    assert "MainThread" not in sink.threads


def test_it_has_been_told_all_when_the_run_is_waited_for(session: Session):
    """Whoever has the result finds the last event in the file."""
    for _ in range(20):
        sink = Keeping()
        session.execute([act("a")], sinks=[sink])
        assert sink.events[-1].kind in RUN_ENDED
        assert sink.closed == 1


def test_sinks_come_from_plugins_once_a_run(tmp_path: Any):
    """The hook is asked with what is known of the run before it starts."""
    asked: list[RunInfo] = []
    sinks: list[Keeping] = []

    class Plugin:
        @hookimpl
        def synapse_sinks(self, run):
            asked.append(run)
            sinks.append(Keeping())
            return [sinks[-1]]

    with Session(plugins=[Plugin()], entry_points=False, work_base=tmp_path) as session:
        first = session.submit([act("a"), act("b")], {"p": 1}, name="mine")
        session.wait(first)
        session.execute([act("c")])
    assert [(run.name, run.actions) for run in asked] == [("mine", ("a", "b")), (asked[1].name, ("c",))]
    assert (asked[0].run_id, asked[0].params, asked[0].display) == (first, {"p": 1}, "none")
    assert [event.run_id == first for event in sinks[0].events] == [True] * 7
    assert {event.run_id for event in sinks[1].events} == {asked[1].run_id}


@pytest.mark.parametrize("error", [OSError("no room"), SystemExit(3), actions.MuteError()])
def test_a_sink_that_raises_is_named_once_and_dropped(
    tmp_path: Any, caplog: pytest.LogCaptureFixture, error: BaseException
):
    """The others are told all, the run is completed, and the plugin is named with what it did."""
    bad, good = Raising(error), Keeping()

    class Plugin:
        @hookimpl
        def synapse_sinks(self, run):
            return [bad]

    with Session(plugins=[Plugin()], entry_points=False, work_base=tmp_path) as session:
        run_id = session.submit([actions.report], {"logs": 9000}, sinks=[good])
        assert session.wait(run_id).status == "completed"
        assert good.events == events_of(session, run_id)
        (problem,) = session.pm.problems
    assert bad.asked == 1
    assert bad.closed == 1
    assert "Plugin" in problem.plugin.name
    assert f"sink Raising raised {type(error).__name__}" in problem.error
    assert run_id in problem.error
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert told == [str(problem)]


def test_each_run_tells_of_it_anew(session: Session):
    """It is dropped for that run only."""
    for count in (1, 2):
        bad = Raising()
        session.execute([act("a")], sinks=[bad])
        assert bad.asked == 1
        assert len(session.pm.problems) == count
    assert all("the caller" in str(problem) for problem in session.pm.problems)


def test_a_sink_that_raises_when_it_is_closed_is_named(session: Session):
    """Its file may be incomplete."""

    class Unclosable(Keeping):
        def close(self) -> None:
            raise OSError("no room")

    session.execute([act("a")], sinks=[Unclosable()])
    (problem,) = session.pm.problems
    assert "raised OSError: no room when it was closed" in problem.error


def test_a_sink_that_hangs_delays_nobody(session: Session, monkeypatch: pytest.MonkeyPatch):
    """The run is completed and the others are told all while it hangs; it is waited for a little, then named."""
    for patience in (0.1, 1.0, 10.0):  # on a busy machine even the good one may need more than a moment
        monkeypatch.setattr("synapse_core.session.host._SINKS_CLOSE", patience)
        bad, worse, good = Hanging(), Hanging(), Keeping()
        run_id = session.submit([actions.report, act("b")], {"logs": 3000}, sinks=[bad, good, worse])
        assert session.wait(run_id).status == "completed"
        named = [problem.error for problem in session.pm.problems if run_id in problem.error]
        bad.go.set()
        worse.go.set()
        for sink in (bad, worse):
            wait_until(partial(getattr, sink, "closed"), "the sink to be closed")
        if not any("Keeping" in error for error in named):
            break
    assert good.events == events_of(session, run_id)
    (complaint,) = named
    assert f"its sink Hanging has not finished {patience:g} s after the run's end" in complaint


def test_a_sink_that_does_not_keep_up_is_dropped(monkeypatch: pytest.MonkeyPatch):
    """What waits for it is bounded; the others are told all."""
    monkeypatch.setattr("synapse_core.engine.sinks._Pump.BOUND", 100)
    told: list[str] = []
    slow, good = Hanging(), Keeping()
    sinks = Sinks([("slow", slow), ("good", good)], "run-1", lambda plugin, error: told.append(f"{plugin}: {error}"))
    events = stamp("run-1", 0, [Draft(Kind.ACTION_LOG, now(), "a", 1, {"message": str(n)}) for n in range(400)])
    for start in range(0, 400, 50):
        sinks.write(events[start : start + 50])
        _wait_for(good, start + 50)
    slow.go.set()
    sinks.close(30.0)
    assert good.events == events
    assert len(slow.events) <= 100
    assert slow.closed == 1
    (complaint,) = told
    assert complaint.startswith("slow: its sink Hanging is ")
    assert "events behind" in complaint


def _wait_for(sink: Keeping, count: int) -> None:
    wait_until(lambda: len(sink.events) == count, f"{count} events")


def test_complaining_harms_nobody():
    """Whoever is told may raise, as where warnings are errors."""

    def refuse(plugin: str, error: Exception) -> None:
        raise error

    good = Keeping()
    sinks = Sinks([("bad", Raising()), ("good", good)], "run-1", refuse)
    sinks.write(stamp("run-1", 0, [Draft(Kind.RUN_STARTED, now())]))
    sinks.close(30.0)
    assert len(good.events) == 1


def test_without_a_session_a_dropped_sink_is_logged(caplog: pytest.LogCaptureFixture):
    """By the logger `synapse.sinks`."""
    sinks = Sinks([("mine", Raising())], "run-1")
    sinks.write(stamp("run-1", 0, [Draft(Kind.RUN_STARTED, now())]))
    sinks.close(30.0)
    (record,) = caplog.records
    assert (record.name, "no room" in record.getMessage()) == ("synapse.sinks", True)


def test_sinks_of_a_run_that_never_starts_are_closed(tmp_path: Any):
    """As where the store cannot keep it; no thread is left."""

    class Full(MemoryStore):
        async def create(self, *args, **kwargs):
            raise OSError(28, "No space left on device")

    sink = Keeping()
    before = threading.active_count()
    with Session(store=Full(), entry_points=False, work_base=tmp_path) as session:
        with pytest.raises(OSError, match="No space"):
            session.submit([act("a")], sinks=[sink])
        wait_until(lambda: sink.closed == 1)
        assert sink.events == []
    wait_until(lambda: threading.active_count() <= before + 1, "threads to end")


def test_what_others_write_is_told_too(session: Session):
    """A cancel is asked for by anybody: it has its place among what the engine wrote."""
    sink, gate = Keeping(), Gate()
    run_id = session.submit([gate.action("a"), act("b")], sinks=[sink])
    gate.wait_for(1)
    session.call(session.store.append(run_id, [Draft("somebody.elses", now()) for _ in range(3)]))
    session.cancel(run_id, reason="enough")
    with pytest.raises(RunCancelledError):
        session.wait(run_id)
    assert sink.events == events_of(session, run_id)
    assert "run.cancel_requested" in {str(event.kind) for event in sink.events}


def test_a_quick_run_is_told_from_its_creation(session: Session):
    """Also where all is over before anybody could look."""
    for count in (1, 50):
        sink = Keeping()
        run_id = session.submit([act(f"a{n}") for n in range(count)], sinks=[sink])
        session.wait(run_id)
        assert sink.events == events_of(session, run_id)
