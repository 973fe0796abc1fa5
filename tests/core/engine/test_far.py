"""Attempts that live elsewhere: found again after the engine died, and timed from when they run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from synapse_core import Node, RunCancelledError, Session, action
from synapse_core.builtin.local import ThreadExecutor
from synapse_core.events import Draft, Kind, now
from synapse_core.pipeline import as_graph
from synapse_core.protocols import Attempt, Call, RunRecord, Then
from synapse_core.testing import actions
from tests.core.engine.helpers import act, events_of, run_alone
from tests.core.engine.stores import Walled

SHORT = 0.05


@action("talk")
def talk(params: dict[str, Any], ctx: Any) -> dict[str, int]:
    """Logs three lines, and tells its attempt."""
    for word in ("one", "two", "three"):
        ctx.log_message(word)
    return {"attempt": ctx.attempt}


class Far(ThreadExecutor):
    """Finds again what it is told that it had started."""

    def __init__(self, *, keeps: bool = True) -> None:
        super().__init__()
        self.keeps = keeps
        self.found: list[str] = []

    async def find(self, call: Call, wake: Callable[[], None]) -> Attempt | None:
        if not self.keeps:
            return None
        self.found.append(f"{call.action}/{call.attempt}")
        return self.start(call, wake)


def left_run(session: Session) -> str:
    """A run whose engine died when its action's first attempt had reported a line."""
    plan = as_graph([talk]).plan
    record = RunRecord("left", plan.name, {}, plan.to_data(), now())
    happened = [
        Draft(Kind.RUN_CREATED, now(), payload={**record.plan, "params": {}}),
        Draft(Kind.RUN_STARTED, now()),
        Draft(Kind.ACTION_STARTED, now(), "talk", 1),
        Draft(Kind.ACTION_LOG, now(), "talk", 1, {"level": "info", "message": "one"}),
    ]
    session.call(session.store.create(record, happened))
    return record.id


def messages(session: Session, run_id: str) -> list[str]:
    return [event.payload["message"] for event in events_of(session, run_id, Kind.ACTION_LOG, Kind.ACTION_MESSAGE)]


def test_an_attempt_is_found_again_in_place_of_being_started_twice(session: Session) -> None:
    """It stays the first attempt; what it reports from its beginning is not stored twice."""
    run_id, far = left_run(session), Far()
    session.wait(session.recover(run_id, executor=far))
    assert far.found == ["talk/1"]
    assert session.result(run_id) == {"attempt": 1}
    assert messages(session, run_id) == ["one", "two", "three"]
    assert len(events_of(session, run_id, Kind.ACTION_STARTED)) == 1


def test_an_attempt_that_is_gone_is_begun_anew(session: Session) -> None:
    """As the second attempt, with all its reports."""
    run_id = left_run(session)
    session.wait(session.recover(run_id, executor=Far(keeps=False)))
    assert session.result(run_id) == {"attempt": 2}
    assert messages(session, run_id) == ["one", "one", "two", "three"]


def test_that_an_attempt_is_started_is_stored_before_it_is() -> None:
    """So that whoever comes after the engine can look for it."""
    store = Walled()
    stored: list[list[str]] = []

    class Noting(Far):
        def start(self, call: Call, wake: Callable[[], None], then: Then | None = None) -> Attempt:
            stored.append([f"{draft.kind} {draft.action}" for draft in store.written if draft.action])
            return super().start(call, wake, then)

    run_alone([act("first"), act("second")], store=store, executor=Noting())
    assert [last for *_, last in stored] == ["action.started first", "action.started second"]


class Waiting(ThreadExecutor):
    """Its attempts wait for resources: until they run, where ``runs``, else for ever."""

    def __init__(self, *, runs: bool) -> None:
        super().__init__()
        self.runs = runs

    def start(self, call: Call, wake: Callable[[], None], then: Then | None = None) -> Attempt:
        attempt = super().start(call, wake, then)
        running = asyncio.Event()
        if self.runs:
            running.set()
        attempt.begun = running.wait  # type: ignore[attr-defined]
        return attempt


def slow(name: str, seconds: float) -> Any:
    """An action that works for a while, and listens."""

    @action(name)
    def body(params: dict[str, Any], ctx: Any) -> dict[str, bool]:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            ctx.check()
        return {"done": True}

    return body


def test_waiting_for_resources_does_not_count_for_a_timeout() -> None:
    """An attempt that is not running yet is not stopped."""
    _, end = run_alone([Node(slow("slow", 4 * SHORT), timeout=SHORT)], store=Walled(), executor=Waiting(runs=False))
    assert end.value == {"done": True}


def test_the_time_of_one_that_has_begun_is_up() -> None:
    """It counts from then on."""
    node = Node(slow("slow", 60), timeout=SHORT)
    _, end = run_alone([node], store=Walled(), executor=Waiting(runs=True))
    assert end.error is not None
    assert "took longer than 0.05 s" in end.error


def test_a_cancel_while_nothing_is_started_yet_reaches_the_attempt(session: Session) -> None:
    """One that comes while that it starts is being stored, or while it is looked for."""

    class Late(Far):
        async def find(self, call: Call, wake: Callable[[], None]) -> Attempt | None:
            asked = Draft(Kind.RUN_CANCEL_REQUESTED, now(), payload={"reason": "no"})
            await session.store.append(call.run_id, [asked])
            for _ in range(100):  # the engine's other tasks have their turn
                await asyncio.sleep(0)
            return self.start(call, wake)

    plan = as_graph([actions.wait]).plan
    record = RunRecord("late", plan.name, {}, plan.to_data(), now())
    begun = [Draft(Kind.RUN_CREATED, now(), payload={**record.plan, "params": {}}), Draft(Kind.RUN_STARTED, now())]
    session.call(session.store.create(record, [*begun, Draft(Kind.ACTION_STARTED, now(), "wait", 1)]))
    session.recover("late", executor=Late())
    with pytest.raises(RunCancelledError, match="no"):
        session.wait("late", 30)
