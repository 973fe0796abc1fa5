"""The only place that turns events into state: ``PipelineProgress = fold(events)``.

Pure and total: an unknown kind is ignored, and so is whatever in a payload makes no sense; what has ended stays as it
ended, and folding a prefix and then the rest gives what folding the whole gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from math import isfinite
from typing import Any

from attrs import define, evolve, field, fields

from synapse_core.events import EMPTY, Event, Kind
from synapse_core.models import (
    ActionProgress,
    ActionStatus,
    CategoryProgress,
    Failure,
    PipelineProgress,
    RunStatus,
)


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
        self._actions = {entry.name: _Cell.of(entry) for entry in start.progress}
        self._instances = {name: _Cell.of(entry) for name, entry in start.instances.items()}
        self._order = {name: index for index, name in enumerate(self._actions)}
        self._done = [cell.done for cell in self._actions.values()]

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
            event = _sound(event)
        rule = _OF_ACTIONS.get(event.kind)
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
        nodes = {name: node for node in _list(event, "nodes") if (name := _named(node))}
        for name in nodes:
            self._cell(name)
        self._run.update(
            run_id=event.run_id,
            name=_text(event, "name") or "",
            pipeline_id=_text(event, "pipeline_id"),
            created_at=event.time,
            needs={name: _texts(node.get("needs")) for name, node in nodes.items()},
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
            error=_text(event, "error"),
            errors=_texts(event.payload.get("errors")),
            result=event.payload.get("result"),
        )

    # -- what happens to an action ----------------------------------------------------------------------------

    def _change(self, event: Event, rule: Callable[[_Cell, Event], None]) -> None:
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
            self._done[self._order[name]] = cell.done
        elif cell.status is not before:
            self._count(parent, before, cell.status)
        if event.kind == Kind.ACTION_STARTED:
            self._current = parent if instance else name

    def _cell(self, name: str) -> _Cell:
        cell = self._actions.get(name)
        if cell is None:
            cell = self._actions[name] = _Cell(name)
            self._order[name] = len(self._order)
            self._done.append(cell.done)
        return cell

    def _instance(self, name: str) -> _Cell:
        cell = self._instances.get(name)
        if cell is None:
            cell = self._instances[name] = _Cell(name)
        return cell

    def _count(self, parent: str, before: ActionStatus, after: ActionStatus) -> None:
        """Move one instance from one column of its action's counts to another."""
        cell = self._actions[parent]
        counts = dict(cell.instances or {})
        if counts.get(before):
            counts[before.value] -= 1
        counts[after.value] = counts.get(after, 0) + 1
        cell.instances = counts
        done = counts.get(ActionStatus.COMPLETED, 0) + counts.get(ActionStatus.SKIPPED, 0)
        if not cell.status.is_terminal():
            cell.progress = done / sum(counts.values())
            self._done[self._order[parent]] = cell.done
        cell.changed = True


@define(eq=False)
class _Cell:
    """An action's state while it is folded, with the fields of `ActionProgress`."""

    name: str
    status: ActionStatus = ActionStatus.PENDING
    progress: float = 0.0
    progress_category: str | None = None
    message: str | None = None
    metrics: Mapping[str, Any] = field(factory=dict)
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: str | None = None
    attempt: int = 0
    categories: Mapping[str, CategoryProgress] = field(factory=dict)
    failure: Failure | None = None
    instances: Mapping[str, int] | None = None
    changed: bool = True
    last: ActionProgress | None = None

    @classmethod
    def of(cls, entry: ActionProgress) -> _Cell:
        cell = cls(*[getattr(entry, name) for name in _FIELDS])
        cell.changed, cell.last = False, entry
        return cell

    @property
    def done(self) -> float:
        """What it counts for in the run's progress, 0 to 1."""
        return 1.0 if self.status in _COUNTED else self.progress

    def shown(self) -> ActionProgress:
        """The state as a value; the one from before, if nothing has changed."""
        if self.changed or self.last is None:
            self.last = ActionProgress(*[getattr(self, name) for name in _FIELDS])
            self.changed = False
        return self.last


_FIELDS = tuple(attribute.name for attribute in fields(ActionProgress))


def _action_started(cell: _Cell, event: Event) -> None:
    cell.status = ActionStatus.RUNNING
    cell.attempt = event.attempt
    cell.started_at = cell.started_at or event.time
    # An attempt has a pace of its own, though it may go on where the one before had come to.
    cell.categories = {name: CategoryProgress(entry.current, entry.total) for name, entry in cell.categories.items()}
    total = event.payload.get("instances")
    if type(total) is int and total >= 0 and cell.instances is None:
        cell.instances = {ActionStatus.PENDING.value: total}


def _action_progress(cell: _Cell, event: Event) -> None:
    category = _text(event, "category")
    key = category or "default"
    entry = _advance(cell.categories.get(key), event)
    cell.progress = entry.fraction
    cell.progress_category = category
    cell.categories = {**cell.categories, key: entry}


def _advance(before: CategoryProgress | None, event: Event) -> CategoryProgress:
    """Rate and time left, from the first report of the category to this one.

    A value that goes back (a new attempt, a new epoch) starts the count anew.
    """
    current, total, time = _number(event, "current") or 0, _number(event, "total"), event.time
    if before is None or before.since is None or current < before.current:
        return CategoryProgress(current, total, since=time, base=current)
    elapsed = _seconds(before.since, time)
    rate = (current - before.base) / elapsed if elapsed > 0 else before.rate
    eta = max(total - current, 0) / rate if rate and total is not None else None
    if eta is not None and not isfinite(eta):
        eta = None
    return CategoryProgress(current, total, rate, eta, before.since, before.base)


def _seconds(since: datetime, until: datetime) -> float:
    """The time between, to the microsecond; 0 where one of the two has no zone."""
    comparable = (since.tzinfo is None) is (until.tzinfo is None)
    return (until - since).total_seconds() if comparable else 0.0


def _action_metrics(cell: _Cell, event: Event) -> None:
    metrics = event.payload.get("metrics")
    if isinstance(metrics, Mapping):
        cell.metrics = {**cell.metrics, **metrics}


def _action_message(cell: _Cell, event: Event) -> None:
    cell.message = _text(event, "message")


def _action_retrying(cell: _Cell, event: Event) -> None:
    cell.error = _text(event, "error")
    cell.failure = _failure(event)


def _action_completed(cell: _Cell, event: Event) -> None:
    cell.status = ActionStatus.COMPLETED
    cell.progress = 1.0
    cell.completed_at = event.time
    cell.error = cell.failure = None


def _action_failed(cell: _Cell, event: Event) -> None:
    cell.status = ActionStatus.FAILED
    cell.completed_at = event.time
    cell.error = _text(event, "error")
    cell.failure = _failure(event)


def _action_skipped(cell: _Cell, event: Event) -> None:
    cell.status = ActionStatus.SKIPPED
    cell.completed_at = event.time
    cell.message = _text(event, "reason")


def _failure(event: Event) -> Failure | None:
    data = event.payload.get("failure")
    if not isinstance(data, Mapping) or not data:
        return None
    return Failure(*(_as_text(data.get(name)) or "" for name in ("type", "message", "traceback")))


# -- payloads, which anybody may have written -------------------------------------------------------------------


def _sound(event: Event) -> Event:
    payload: Any = event.payload
    return event if isinstance(payload, Mapping) else evolve(event, payload=EMPTY)


def _text(event: Event, name: str) -> str | None:
    return _as_text(event.payload.get(name))


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


def _list(event: Event, name: str) -> list[Any]:
    value = event.payload.get(name)
    return list(value) if isinstance(value, list | tuple) else []


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def _named(node: Any) -> str | None:
    name = node.get("name") if isinstance(node, Mapping) else None
    return name if isinstance(name, str) else None


_LARGEST = 1e100
"""Beyond this a number counts nothing, and what is worked out from it might not be finite."""


def _number(event: Event, name: str) -> float | None:
    value: Any = event.payload.get(name)
    counts = type(value) in {int, float} and abs(value) < _LARGEST
    return value if counts else None


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

_COUNTED = (ActionStatus.COMPLETED, ActionStatus.SKIPPED)

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

_OF_ACTIONS: dict[str, Callable[[_Cell, Event], None]] = {
    Kind.ACTION_STARTED: _action_started,
    Kind.ACTION_PROGRESS: _action_progress,
    Kind.ACTION_METRICS: _action_metrics,
    Kind.ACTION_MESSAGE: _action_message,
    Kind.ACTION_RETRYING: _action_retrying,
    Kind.ACTION_COMPLETED: _action_completed,
    Kind.ACTION_FAILED: _action_failed,
    Kind.ACTION_SKIPPED: _action_skipped,
}

CHANGES: frozenset[str] = frozenset({*_OF_RUNS, *_OF_ACTIONS})
"""The kinds that change the state: who folds may leave out all others, but for the ``seq`` of the last."""
