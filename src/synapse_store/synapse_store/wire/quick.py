"""What reporters send nearly always, read by hand: `quick_append`, `quick_report`.

The schema's way is for all that there may be, and says what is wrong; it costs five times as much.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, get_args

from synapse_core.events import Draft, now
from synapse_store.once import Append, Batch
from synapse_store.wire.asked import ActionReport, ActionStatuses, Report
from synapse_store.wire.text import moment

_LARGEST = 2**53
_MOST = 1_000


def quick_append(run_id: str, data: Any) -> Append | None:
    """What a batch adds to a run, just as the schema reads it; None where it has to look itself.

    Args:
        run_id: the run.
        data: a JSON value, of which parts may be kept.
    """
    if type(data) is not dict or data.get("lease") is not None or "checkpoints" in data:
        return None
    producer, epoch, seq, events = map(data.get, ("producer", "epoch", "seq", "events"))
    if type(producer) is not str or not 0 < len(producer) <= 200 or type(events) is not list or len(events) > _MOST:
        return None
    if type(epoch) is not int or type(seq) is not int or not (0 <= epoch <= _LARGEST and 0 < seq <= _LARGEST):
        return None
    drafts: list[Draft] = []
    for event in events:
        draft = _draft(event)
        if draft is None:
            return None
        drafts.append(draft)
    return Append(run_id, drafts, (), None, Batch(producer, epoch, seq))


def _draft(event: Any) -> Draft | None:
    if type(event) is not dict:
        return None
    get = event.get
    kind, action, attempt, payload = get("kind"), get("action"), get("attempt", 0), get("payload")
    if type(kind) is not str or not 0 < len(kind) <= 100 or type(payload) is not dict:
        return None
    if (action is not None and type(action) is not str) or type(attempt) is not int or not 0 <= attempt <= _LARGEST:
        return None
    time = now() if get("time") is None else _time(get("time"))
    return None if time is None else Draft(kind, time, action, attempt, payload)


def _time(text: Any) -> datetime | None:
    if type(text) is not str or not text.endswith("+00:00"):
        return None
    try:
        return moment(text)
    except ValueError:
        return None


def quick_report(data: Any) -> Report | None:
    """A report, just as the schema reads it; None where it has to look itself."""
    if type(data) is not dict or not _REPORT.issuperset(data):
        return None
    current, said = data.get("current_action"), data.get("action_progress")
    if (current is not None and type(current) is not str) or type(said) is not dict or not _ACTION.issuperset(said):
        return None
    action = _action_report(*map(said.get, ("name", "status", "progress", "total", "progress_category", "message")))
    return None if action is None else Report(current, None, None, action)


_REPORT = frozenset({"current_action", "action_progress"})
_ACTION = frozenset({"name", "status", "progress", "total", "progress_category", "message"})
_STATUSES = frozenset({None, *get_args(ActionStatuses)})
_TEXTS = frozenset({str, type(None)})


def _action_report(  # noqa: PLR0917  as many as the fields
    name: Any, status: Any, progress: Any, total: Any, category: Any, message: Any
) -> ActionReport | None:
    if type(name) is not str or not 0 < len(name) <= 200 or type(status) not in _TEXTS or status not in _STATUSES:
        return None
    if type(category) not in _TEXTS or type(message) not in _TEXTS:
        return None
    count, most = _float(progress), _float(total)
    if count != progress or most != total or (most is not None and most <= 0):
        return None
    return ActionReport(name, status, count, most, category, message)


def _float(number: Any) -> float | None:
    """The number as the schema reads it; None for what it might not read."""
    return float(number) if type(number) is float or (type(number) is int and abs(number) <= _LARGEST) else None
