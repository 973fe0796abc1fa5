"""Actions that tests steer, and ways to look at a run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from synapse_core import Node, Session, action
from synapse_core.engine import RunEnd, RunEngine, RunSettings
from synapse_core.engine.identity import Identities
from synapse_core.engine.sinks import Sinks
from synapse_core.events import Draft, Event, Kind, now
from synapse_core.ids import new_run_id
from synapse_core.pipeline import as_graph
from synapse_core.protocols import Executor, RunRecord, Store
from synapse_core.schema import default_schema
from synapse_core.testing import wait_until


class Gate:
    """An action that says when it has begun and waits until it is let go; one name for many of them."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.began: list[str] = []
        self.running = 0
        self.most = 0
        self._lock = threading.Lock()

    def action(self, name: str, result: Any = None, *, listens: bool = True) -> Any:
        """An action that waits here; it listens to a cancel, or does not."""

        @action(name)
        def gated(params, ctx):
            with self._lock:
                self.began.append(ctx.action)
                self.running += 1
                self.most = max(self.most, self.running)
            try:
                while not self.open.wait(0.005):
                    if listens:
                        ctx.check()
            finally:
                with self._lock:
                    self.running -= 1
            return {name: True} if result is None else result

        return gated

    def wait_for(self, count: int) -> None:
        """Wait until so many have begun."""
        wait_until(lambda: len(self.began) >= count, f"{count} actions to begin; so far {self.began}")


def act(name: str, result: Any = None) -> Any:
    """An action that returns ``result``, or its name's own key."""

    @action(name)
    def body(params, ctx):
        return {name: True} if result is None else result

    return body


def failing(name: str, message: str = "no", kind: type[BaseException] = ValueError, times: int | None = None) -> Any:
    """An action that raises; only in its first ``times`` attempts where that is given."""

    @action(name)
    def body(params, ctx):
        if times is None or ctx.attempt <= times:
            raise kind(message)
        return {name: ctx.attempt}

    return body


def events_of(session: Session, run_id: str, *kinds: str, name: str | None = None) -> list[Event]:
    """A run's events so far, of these kinds, of that action."""
    return session.call(session.store.read(run_id, limit=100_000, kinds=kinds or None, action=name))


def statuses(session: Session, run_id: str) -> dict[str, str]:
    """Each action's status."""
    return {entry.name: str(entry.status) for entry in session.progress(run_id).progress}


def order(session: Session, run_id: str) -> list[str]:
    """What happened to actions, in order: ``started a``, ``completed a``."""
    kinds = (Kind.ACTION_STARTED, Kind.ACTION_COMPLETED, Kind.ACTION_FAILED, Kind.ACTION_SKIPPED)
    return [f"{event.kind.partition('.')[2]} {event.action}" for event in events_of(session, run_id, *kinds)]


async def run_engine(
    pipeline: Iterable[Any] | Node,
    params: Mapping[str, Any] | None = None,
    *,
    store: Store,
    executor: Executor,
    sinks: Iterable[Any] = (),
    lone: bool = True,
    **settings: Any,
) -> tuple[str, RunEnd]:
    """Run a pipeline with an engine alone, on this loop; the run's id, and how it ended.

    With ``lone`` false it is told that there are others.
    """
    plan = as_graph(pipeline).plan
    run_id = new_run_id()
    data = plan.to_data(portable=False)
    record = RunRecord(run_id, plan.name, dict(params or {}), data, now())
    await store.create(record, [Draft(Kind.RUN_CREATED, now(), None, 0, {**data, "params": record.params})])
    engine = RunEngine(
        run_id,
        plan,
        record.params,
        executor=executor,
        store=store,
        settings=RunSettings(**{"flush": 0.02, "grace": 5.0, **settings}),
        sinks=Sinks([("test", sink) for sink in sinks], run_id),
        owner="test",
        identities=Identities(default_schema(), lambda spec: spec.version),
        lone=lambda: lone,
    )
    await engine.claim()
    return run_id, await engine.run()


def run_alone(*args: Any, **kwargs: Any) -> tuple[str, RunEnd]:
    """As `run_engine`, from sync code."""
    return asyncio.run(run_engine(*args, **kwargs))
