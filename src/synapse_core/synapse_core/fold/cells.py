"""An action's state while a run is folded, and what events make of it: `Cell`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from math import isfinite
from operator import attrgetter
from typing import Any

from attrs import define, field, fields

from synapse_core.events import Event, Kind
from synapse_core.fold.payloads import as_text, number, text
from synapse_core.models import ActionProgress, ActionStatus, CategoryProgress, Failure


@define(eq=False)
class Cell:
    """An action's state while it is folded: the fields of `ActionProgress` that events make, in its order."""

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
    def of(cls, entry: ActionProgress) -> Cell:
        """To go on from a state."""
        cell = cls(*_values(entry))
        cell.changed, cell.last = False, entry
        return cell

    def shown(self) -> ActionProgress:
        """The state as a value; the one from before, if nothing has changed."""
        if self.changed or self.last is None:
            self.last = ActionProgress(*_values(self))
            self.changed = False
        return self.last


_OWN = {"changed", "last"}
_values: Callable[[object], tuple[Any, ...]] = attrgetter(*(f.name for f in fields(Cell) if f.name not in _OWN))


def _action_started(cell: Cell, event: Event) -> None:
    cell.status = ActionStatus.RUNNING
    cell.attempt = event.attempt
    cell.started_at = cell.started_at or event.time
    # An attempt has a pace of its own, though it may go on where the one before had come to.
    cell.categories = {name: CategoryProgress(entry.current, entry.total) for name, entry in cell.categories.items()}
    total = event.payload.get("instances")
    if type(total) is int and total >= 0 and cell.instances is None:
        cell.instances = {ActionStatus.PENDING.value: total}


def _action_progress(cell: Cell, event: Event) -> None:
    category = text(event, "category")
    key = category or "default"
    entry = _advance(cell.categories.get(key), event)
    cell.progress = entry.fraction
    cell.progress_category = category
    cell.categories = {**cell.categories, key: entry}


def _advance(before: CategoryProgress | None, event: Event) -> CategoryProgress:
    """Rate and time left, from the first report of the category to this one.

    A value that goes back (a new attempt, a new epoch) starts the count anew.
    """
    current, total, time = number(event, "current") or 0, number(event, "total"), event.time
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


def _action_metrics(cell: Cell, event: Event) -> None:
    metrics = event.payload.get("metrics")
    if isinstance(metrics, Mapping):
        cell.metrics = {**cell.metrics, **metrics}


def _action_message(cell: Cell, event: Event) -> None:
    cell.message = text(event, "message")


def _action_retrying(cell: Cell, event: Event) -> None:
    cell.error = text(event, "error")
    cell.failure = _failure(event)


def _action_completed(cell: Cell, event: Event) -> None:
    cell.status = ActionStatus.COMPLETED
    cell.progress = 1.0
    cell.completed_at = event.time
    cell.error = cell.failure = None


def _action_failed(cell: Cell, event: Event) -> None:
    cell.status = ActionStatus.FAILED
    cell.completed_at = event.time
    cell.error = text(event, "error")
    cell.failure = _failure(event)


def _action_skipped(cell: Cell, event: Event) -> None:
    cell.status = ActionStatus.SKIPPED
    if event.payload.get("reached") is not False:  # reused, or not wanted: there is nothing left of it to do
        cell.progress = 1.0
    cell.completed_at = event.time
    cell.message = text(event, "reason")


def _failure(event: Event) -> Failure | None:
    data = event.payload.get("failure")
    if not isinstance(data, Mapping) or not data:
        return None
    return Failure(*(as_text(data.get(name)) or "" for name in ("type", "message", "traceback")))


OF_ACTIONS: dict[str, Callable[[Cell, Event], None]] = {
    Kind.ACTION_STARTED: _action_started,
    Kind.ACTION_PROGRESS: _action_progress,
    Kind.ACTION_METRICS: _action_metrics,
    Kind.ACTION_MESSAGE: _action_message,
    Kind.ACTION_RETRYING: _action_retrying,
    Kind.ACTION_COMPLETED: _action_completed,
    Kind.ACTION_FAILED: _action_failed,
    Kind.ACTION_SKIPPED: _action_skipped,
}
