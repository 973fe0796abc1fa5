"""The commands in this process, on a store in memory that a session of the test fills."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from synapse_core import Node, Retry, Session, hookimpl
from synapse_core.actiondef import action
from synapse_core.builtin.memory import MemoryStore
from synapse_core.cli.app import run_app
from synapse_core.cli.state import State
from synapse_core.context import RuntimeContext
from synapse_core.engine.identity import entrypoint_of
from synapse_core.errors import ExecutionError
from synapse_core.events import Draft, Kind, now
from synapse_core.ids import new_run_id
from synapse_core.models import ActionStatus, Checkpoint
from synapse_core.pipeline import PipelineGraph
from synapse_core.protocols import RunRecord, StoreOffer
from synapse_core.session.orphans import ORIGIN
from synapse_core.session.owner import owner_id
from tests.core.cli.helpers import Result


class Shared:
    """A plugin that offers one store in memory, as ``shared:``, to every session of this process."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    @hookimpl
    def synapse_stores(self) -> Iterable[StoreOffer]:
        return [StoreOffer("shared", lambda _url: self.store)]


class Place:
    """A store, a session that fills it, and the commands that look into it."""

    def __init__(self, session: Session, capsys: pytest.CaptureFixture[str]) -> None:
        self.session = session
        self._capsys = capsys

    @property
    def store(self) -> MemoryStore:
        """Where the runs are."""
        assert isinstance(self.session.store, MemoryStore)
        return self.session.store

    def runs(self, *words: str) -> Result:
        """``synapse runs WORDS``."""
        return self.synapse("runs", *words, "--store", "shared:")

    def synapse(self, *words: str) -> Result:
        """``synapse WORDS``."""
        self._capsys.readouterr()
        state = State()
        state.plugins.append(Shared(self.store))  # type: ignore[arg-type]  # a session takes objects too
        code = run_app(words, state)
        out, err = self._capsys.readouterr()
        return Result(code, out, err)

    def ran(self, pipeline: Any, params: Mapping[str, Any] | None = None, **options: Any) -> str:
        """The id of a run that has ended."""
        run_id = self.session.submit(pipeline, params, **options)
        with contextlib.suppress(ExecutionError):
            self.session.wait(run_id)
        return run_id

    @contextlib.contextmanager
    def cancelled_when_waiting(self, run_id: str) -> Iterator[None]:
        """Cancels a run beside the block, once its action `wait` has said that it waits."""

        def waits() -> bool:
            events = self.session.call(self.store.read(run_id))
            return any(event.payload.get("message") == "waiting" for event in events)

        def cancel() -> None:
            until(waits)
            self.session.cancel(run_id)

        canceller = threading.Thread(target=cancel)
        canceller.start()
        try:
            yield
        finally:
            canceller.join()

    def reported(self, actions: Sequence[Any]) -> str:
        """A run that a client of a service reports on; it has started the first action."""
        graph, run_id = PipelineGraph(actions, name="flow"), new_run_id()
        plan = graph.plan.to_data()
        drafts = [Draft(Kind.RUN_CREATED, now(), payload=plan), Draft(Kind.RUN_STARTED, now())]
        drafts.append(Draft(Kind.ACTION_STARTED, now(), "load", 1))
        self.store.create_now(RunRecord(run_id, "flow", {}, plan, now(), options={"origin": ORIGIN}), drafts, [])
        return run_id

    def orphan(
        self, actions: Sequence[Any], params: Mapping[str, Any] | None = None, *, done: Mapping[str, Any]
    ) -> str:
        """A run whose engine is gone: some actions are done, with these results; the next one was running.

        That one has saved ``{"step": 3}`` of itself.
        """
        graph, run_id = PipelineGraph(actions, name="flow"), new_run_id()
        data = {**graph.plan.to_data(), "params": dict(params or {})}
        drafts = [Draft(Kind.RUN_CREATED, now(), payload=data), Draft(Kind.RUN_STARTED, now())]
        checkpoints = []
        for node in graph.plan:
            drafts.append(Draft(Kind.ACTION_STARTED, now(), node.name, 1))
            if node.name not in done:
                drafts.append(Draft(Kind.ACTION_CHECKPOINT, now(), node.name, 1, {"state": {"step": 3}}))
                break
            drafts.append(Draft(Kind.ACTION_COMPLETED, now(), node.name, 1))
            made_by = entrypoint_of(node.spec)
            checkpoints.append(
                Checkpoint(run_id, node.name, node.index, ActionStatus.COMPLETED, done[node.name], entrypoint=made_by)
            )
        self.store.create_now(RunRecord(run_id, "flow", dict(params or {}), data, now()), drafts, checkpoints)
        machine, pid, _born, number = owner_id().split("/")
        self.session.call(self.store.acquire(run_id, f"{machine}/{pid}/never/{number}", 3600))
        return run_id


def until(what: Any, seconds: float = 60) -> None:
    """Wait until ``what()`` holds."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.005)


# -- actions ----------------------------------------------------------------------------------------------------


@action("load")
def load(params: dict[str, Any], ctx: RuntimeContext) -> dict[str, Any]:
    """Says what it does."""
    ctx.log_message("loading")
    ctx.logger.debug("from %s", params.get("source", "nowhere"))
    ctx.logger.warning("slowly")
    return {"rows": 3}


@action("learn")
def learn(params: dict[str, Any], ctx: RuntimeContext) -> dict[str, Any]:
    """Goes on from the step that it saved; tells metrics of each of 10 steps."""
    first = (ctx.load_checkpoint() or {"step": 0})["step"] + 1
    for step in range(first, 11):
        ctx.set_metrics({"loss": 1 / step, "what": "no number"}, category="train")
        ctx.set_progress(step, 10)
    return {"first": first, "rate": params.get("rate", 1)}


@action("fail")
def fail(params: dict[str, Any], ctx: RuntimeContext) -> dict[str, Any]:
    """Raises, unless it is told not to."""
    if params.get("fail", True):
        raise ValueError(f"attempt {ctx.attempt} went wrong")
    return {"failed": False}


@action("wait")
def wait(params: dict[str, Any], ctx: RuntimeContext) -> dict[str, Any]:
    """Waits until it is cancelled."""
    ctx.log_message("waiting")
    while True:
        ctx.sleep(60)


@action("square")
def square(params: dict[str, Any], ctx: RuntimeContext) -> int:
    """Of one number."""
    ctx.logger.info("squaring %d", params["number"])
    ctx.set_metrics({"square": params["number"] ** 2})
    if params["number"] == params.get("bad"):
        raise ValueError("a bad number")
    return int(params["number"]) ** 2


WORK = [load, learn]
FAILING = [load, Node(fail, retry=Retry(max_attempts=2, delay=0.01)), learn]
FAN_OUT = [Node(square, each="number in numbers")]
