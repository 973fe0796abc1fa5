"""What a client reports of a run, as events: the state before and the report give what has happened."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from synapse_core.errors import unknown
from synapse_core.events import Draft, Kind, now
from synapse_core.models import ActionProgress, ActionStatus, PipelineProgress, RunStatus
from synapse_core.session.orphans import cancelled
from synapse_store.service.answers import conflict, invalid
from synapse_store.wire.asked import ActionReport, Report, RunChange

GIVEN = "run.given"
"""An event that changes no state: a result or an error that a client gave before the run's end."""

_STATUSES = {status.value: status for status in ActionStatus}  # a third of the time that the enum takes
_ENDS = {
    RunStatus.COMPLETED: Kind.RUN_COMPLETED,
    RunStatus.FAILED: Kind.RUN_FAILED,
    RunStatus.CANCELLED: Kind.RUN_CANCELLED,
}


def of_report(state: PipelineProgress, report: Report, said: RunChange | None = None) -> list[Draft]:
    """The events that a report stands for; ``said``: with what was said before, if it is the run's end.

    Raises:
        Refusal: it names what is not there, or contradicts what has ended.
    """
    status = None if report.status is None else RunStatus(report.status)
    if state.status.is_terminal():
        return _late(state, status)
    current = _current(state, report)
    drafts: list[Draft] = []
    if current is not None and current.status is ActionStatus.PENDING and not _says_more(report, current):
        drafts += _started(current)
    if report.action_progress is not None:
        drafts += _of_action(state, report.action_progress)
    if report.error is not None and status not in _ENDS:
        payload = {"level": "error", "message": report.error}
        drafts.append(Draft(Kind.ACTION_LOG, now(), current.name if current else state.current_action, 0, payload))
    if status is None and state.status is RunStatus.RUNNING:
        return drafts
    return _framed(state, status, drafts, said or RunChange(report.status, None, report.error))


def of_completed(state: PipelineProgress, entry: ActionProgress) -> list[Draft]:
    """The events that a checkpoint of a completed action stands for; none, if it or the run has ended before."""
    if state.status.is_terminal() or entry.status.is_terminal():
        return []
    attempt = max(entry.attempt, 1)
    first = _started(entry, attempt) if entry.status is ActionStatus.PENDING else []
    drafts = [*first, Draft(Kind.ACTION_COMPLETED, now(), entry.name, attempt)]
    return _framed(state, None, drafts, RunChange())


def of_change(state: PipelineProgress, change: RunChange, said: RunChange) -> list[Draft]:
    """The events that a change of a run's status stands for; ``said``: with what was said before, for the end.

    Raises:
        Refusal: it contradicts what has ended.
    """
    status = None if change.status is None else RunStatus(change.status)
    if state.status.is_terminal():
        return _late(state, status or RunStatus.PENDING)
    if status in _ENDS:
        return _framed(state, status, [], said)
    return [*_framed(state, status, [], change), *_given(change)]


def _given(change: RunChange) -> Iterable[Draft]:
    """What is said before the end and belongs to it is kept until then."""
    said = {"result": change.result, "error": change.error}
    payload = {name: value for name, value in said.items() if value is not None}
    return [Draft(GIVEN, now(), None, 0, payload)] if payload else []


def _late(state: PipelineProgress, status: RunStatus | None) -> list[Draft]:
    """A run has ended: saying so again is fine, and so is a report that was on its way."""
    if status is None or status is state.status or status is RunStatus.RUNNING:
        return []
    raise conflict(f"the run has ended: it is {state.status.value}")


def _framed(state: PipelineProgress, status: RunStatus | None, drafts: list[Draft], change: RunChange) -> list[Draft]:
    """The events of actions, between those of the run."""
    if status is RunStatus.PENDING and state.status is RunStatus.RUNNING:
        raise conflict("the run is running: it cannot go back to pending")
    starts = drafts or status in {RunStatus.RUNNING, RunStatus.COMPLETED, RunStatus.FAILED}
    when = drafts[0].time if drafts else now()  # no action starts before its run
    first = [Draft(Kind.RUN_STARTED, when)] if starts and state.status is RunStatus.PENDING else []
    return [*first, *drafts, *(_end(state, status, change) if status in _ENDS else ())]


def _end(state: PipelineProgress, status: RunStatus, change: RunChange) -> Iterable[Draft]:
    if status is RunStatus.CANCELLED:
        return cancelled(state, change.error or "cancelled")
    payload: dict[str, Any] = {"result": change.result}
    if status is RunStatus.FAILED:
        payload = {"error": change.error or "failed", "errors": [change.error or "failed"], "result": change.result}
    return [Draft(_ENDS[status], now(), None, 0, payload)]


# -- actions --------------------------------------------------------------------------------------------------


def find_action(state: PipelineProgress, name: str, path: str) -> ActionProgress:
    """The action of that name.

    Raises:
        Refusal: the run has none; ``path`` is the field that names it.
    """
    try:
        return state.action(name)
    except KeyError:
        if not state.progress:
            return ActionProgress(name)
        raise invalid(path, unknown("action", name[:200], [entry.name for entry in state.progress[:50]])) from None


def _current(state: PipelineProgress, report: Report) -> ActionProgress | None:
    if report.current_action is not None:
        return find_action(state, report.current_action, "current_action")
    index = report.current_action_index
    if index is None:
        return None
    if index >= len(state.progress):
        raise invalid("current_action_index", f"the run has {len(state.progress)} actions, counted from 0")
    return state.progress[index]


def _says_more(report: Report, current: ActionProgress) -> bool:
    """Whether the report has the action's own status, too."""
    action = report.action_progress
    return action is not None and action.name == current.name and action.status is not None


def _of_action(state: PipelineProgress, report: ActionReport) -> list[Draft]:
    entry = find_action(state, report.name, "action_progress.name")
    status = None if report.status is None else _STATUSES[report.status]
    if entry.status.is_terminal():
        if status is not None and status.is_terminal() and status is not entry.status:
            raise conflict(f"action {entry.name!r} has ended: it is {entry.status.value}")
        return []
    said = _said(entry, report)
    drafts: list[Draft] = []
    starts = said or status in {ActionStatus.RUNNING, ActionStatus.COMPLETED, ActionStatus.FAILED}
    if entry.status is ActionStatus.PENDING and starts:
        drafts += _started(entry, report.attempt, said[0].time if said else None)
    return [*drafts, *said, *_ended(entry, status, report)]


def _started(entry: ActionProgress, attempt: int | None = None, when: datetime | None = None) -> list[Draft]:
    return [Draft(Kind.ACTION_STARTED, when or now(), entry.name, attempt or entry.attempt + 1)]


def _said(entry: ActionProgress, report: ActionReport) -> list[Draft]:
    """Progress, metrics and the message, where they are news."""
    found: list[tuple[Kind, dict[str, Any]]] = []
    progress = _progress(entry, report)
    if progress is not None:
        found.append((Kind.ACTION_PROGRESS, progress))
    if report.metrics and {**entry.metrics, **report.metrics} != entry.metrics:
        found.append((Kind.ACTION_METRICS, {"category": report.progress_category, "metrics": report.metrics}))
    if report.message is not None and report.message != entry.message:
        found.append((Kind.ACTION_MESSAGE, {"level": "info", "message": report.message}))
    attempt = report.attempt or max(entry.attempt, 1)
    return [Draft(kind, now(), entry.name, attempt, payload) for kind, payload in found]


def _progress(entry: ActionProgress, report: ActionReport) -> dict[str, Any] | None:
    current, total = report.progress, report.total
    if current is None:
        return None
    if not 0 <= current <= (total or 1.0):
        wanted = "must be 0 to 1, or to total where that is given"
        raise invalid("action_progress.progress", f"{wanted}, got {current:g}")
    before = entry.categories.get(report.progress_category or "default")
    total = total or (before.total if before is not None and before.total == 1.0 else 1.0)
    if before is not None and (before.current, before.total) == (current, total):
        return None
    if before is None and current == 0 and report.total is None:
        return None
    return {"category": report.progress_category, "current": current, "total": total}


def _ended(entry: ActionProgress, status: ActionStatus | None, report: ActionReport) -> list[Draft]:
    attempt = report.attempt or max(entry.attempt, 1)
    if status is ActionStatus.COMPLETED:
        return [Draft(Kind.ACTION_COMPLETED, now(), entry.name, attempt)]
    if status is ActionStatus.FAILED:
        return [Draft(Kind.ACTION_FAILED, now(), entry.name, attempt, {"error": report.error or "failed"})]
    if status is ActionStatus.SKIPPED:
        return [Draft(Kind.ACTION_SKIPPED, now(), entry.name, 0, {"reason": report.message or "skipped"})]
    return []
