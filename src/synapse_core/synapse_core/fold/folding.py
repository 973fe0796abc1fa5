"""The state of a run, one event after the other: `Folding`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from synapse_core.events import Event, Kind
from synapse_core.fold.cells import OF_ACTIONS, Cell
from synapse_core.fold.payloads import list_of, named, sound, text, texts
from synapse_core.models import ActionProgress, ActionStatus, PipelineProgress, RunStatus


def fold(events: Iterable[Event], start: PipelineProgress | None = None) -> PipelineProgress:
    """The state after ``events``, from ``start`` on (nothing has happened, if None)."""
    state = Folding(start)
    for event in events:
        state.apply(event)
    return state.snapshot()


class Folding:
    """A fold in the making, for those who follow a run: `apply` each event, take a `snapshot` when one is wanted.

    An event costs the same however many actions or instances the run has, and a snapshot makes anew only what has
    changed since the last one.
    """

    def __init__(self, start: PipelineProgress | None = None) -> None:
        start = start or PipelineProgress()
        self._run: dict[str, Any] = {name: getattr(start, name) for name in _RUN_FIELDS}
        self._status = start.status
        self._seq = start.seq
        self._current = start.current_action
        self._actions = {entry.name: Cell.of(entry) for entry in start.progress}
        self._instances = {name: Cell.of(entry) for name, entry in start.instances.items()}
        self._order = {name: index for index, name in enumerate(self._actions)}
        self._done = [cell.progress for cell in self._actions.values()]

    def apply(self, event: Event) -> None:
        """Take one event in; one that is no news (``seq`` already seen) changes nothing."""
        seq = event.seq
        if seq:
            if seq <= self._seq:
                return
            self._seq = seq
        if self._status.is_terminal():
            return
        if type(event.payload) is not dict:
            event = sound(event)
        rule = OF_ACTIONS.get(event.kind)
        if rule is not None:
            self._change(event, rule)
        elif event.kind in _OF_RUNS:
            _OF_RUNS[event.kind](self, event)

    def snapshot(self) -> PipelineProgress:
        """The state now."""
        return self._state(
            progress=tuple(cell.shown() for cell in self._actions.values()),
            instances={name: cell.shown() for name, cell in self._instances.items()},
        )

    def outline(self) -> PipelineProgress:
        """The state now but for the single actions and instances: cheap however many of them there are."""
        return self._state()

    @property
    def size(self) -> int:
        """How many actions and instances there are."""
        return len(self._actions) + len(self._instances)

    def _state(self, **parts: Any) -> PipelineProgress:
        return PipelineProgress(
            **self._run,
            status=self._status,
            seq=self._seq,
            overall_progress=self.overall_progress,
            current_action=self._current,
            current_action_index=None if self._current is None else self._order.get(self._current),
            **parts,
        )

    @property
    def status(self) -> RunStatus:
        """The run's status now, without the cost of a snapshot."""
        return self._status

    @property
    def overall_progress(self) -> float:
        """How far the run is now, 0 to 1, without the cost of a snapshot."""
        return sum(self._done) / len(self._done) if self._done else 0.0

    def action(self, name: str) -> ActionProgress | None:
        """One action, or instance (``train[3]``), now; None where there is none of that name."""
        cell = self._actions.get(name) or self._instances.get(name)
        return cell.shown() if cell else None

    # -- what happens to the run ------------------------------------------------------------------------------

    def _created(self, event: Event) -> None:
        nodes = {name: node for node in list_of(event, "nodes") if (name := named(node))}
        for name in nodes:
            self._cell(name)
        self._run.update(
            run_id=event.run_id,
            name=text(event, "name") or "",
            pipeline_id=text(event, "pipeline_id"),
            created_at=event.time,
            needs={name: texts(node.get("needs")) for name, node in nodes.items()},
        )

    def _started(self, event: Event) -> None:
        self._status = RunStatus.RUNNING
        self._run.update(run_id=event.run_id, started_at=self._run["started_at"] or event.time)

    def _cancel_requested(self, _event: Event) -> None:
        self._run["cancel_requested"] = True

    def _ended(self, event: Event) -> None:
        self._status = _END_OF_RUN[event.kind]
        self._current = None
        self._run.update(
            run_id=event.run_id,
            completed_at=event.time,
            error=text(event, "error"),
            errors=texts(event.payload.get("errors")),
            result=event.payload.get("result"),
        )

    # -- what happens to an action ----------------------------------------------------------------------------

    def _change(self, event: Event, rule: Callable[[Cell, Event], None]) -> None:
        name = event.action
        if not name:
            return
        parent = name.partition("[")[0] if name.endswith("]") else name
        instance = parent != name and parent in self._order
        cell = self._instance(name) if instance else self._cell(name)
        if cell.status.is_terminal():
            return
        before = cell.status
        rule(cell, event)
        cell.changed = True
        if not instance:
            self._done[self._order[name]] = cell.progress
        elif cell.status is not before:
            self._count(parent, before, cell)
        if event.kind == Kind.ACTION_STARTED:
            self._current = parent if instance else name

    def _cell(self, name: str) -> Cell:
        cell = self._actions.get(name)
        if cell is None:
            cell = self._actions[name] = Cell(name)
            self._order[name] = len(self._order)
            self._done.append(cell.progress)
        return cell

    def _instance(self, name: str) -> Cell:
        cell = self._instances.get(name)
        if cell is None:
            cell = self._instances[name] = Cell(name)
        return cell

    def _count(self, parent: str, before: ActionStatus, instance: Cell) -> None:
        """Move one instance from one column of its action's counts to another."""
        after = instance.status
        cell = self._actions[parent]
        counts = dict(cell.instances or {})
        if counts.get(before):
            counts[before.value] -= 1
        counts[after.value] = counts.get(after, 0) + 1
        cell.instances = counts
        done = counts.get(ActionStatus.COMPLETED, 0) + counts.get(ActionStatus.SKIPPED, 0)
        if not cell.status.is_terminal() and (after is not ActionStatus.SKIPPED or instance.progress == 1.0):
            cell.progress = done / sum(counts.values())
            self._done[self._order[parent]] = cell.progress
        cell.changed = True


_RUN_FIELDS = (
    "run_id",
    "pipeline_id",
    "name",
    "created_at",
    "started_at",
    "completed_at",
    "error",
    "errors",
    "result",
    "cancel_requested",
    "needs",
)

_END_OF_RUN: dict[str, RunStatus] = {
    Kind.RUN_COMPLETED: RunStatus.COMPLETED,
    Kind.RUN_FAILED: RunStatus.FAILED,
    Kind.RUN_CANCELLED: RunStatus.CANCELLED,
}

_OF_RUNS: dict[str, Callable[[Folding, Event], None]] = {
    Kind.RUN_CREATED: Folding._created,
    Kind.RUN_STARTED: Folding._started,
    Kind.RUN_RESUMED: Folding._started,
    Kind.RUN_CANCEL_REQUESTED: Folding._cancel_requested,
    Kind.RUN_COMPLETED: Folding._ended,
    Kind.RUN_FAILED: Folding._ended,
    Kind.RUN_CANCELLED: Folding._ended,
}

CHANGES: frozenset[str] = frozenset({*_OF_RUNS, *OF_ACTIONS})
"""The kinds that change the state: who folds may leave out all others, but for the ``seq`` of the last."""
