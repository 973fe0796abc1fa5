"""What one action's line says, cell by cell, before anything is known of colours or of the width."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from synapse_core.builtin.console.text import pairs, short_number, short_rate, short_time, visible
from synapse_core.models import ActionProgress, ActionStatus, CategoryProgress


@frozen
class Cells:
    """One action's line.

    Attributes:
        fraction: what of the bar is full, 0 to 1; None where that is not known.
        done: the same as text: ``62%``, or how many units where their total is not known.
        time: how long it still takes, or took.
        detail: whatever else there is to tell, most important first.
    """

    word: str
    fraction: float | None = None
    done: str = ""
    rate: str = ""
    time: str = ""
    detail: str = ""


def cells_of(action: ActionProgress, now: datetime, encoding: str = "utf-8", needs: tuple[str, ...] = ()) -> Cells:
    """The cells of an action; ``needs`` is what the drawing of the graph does not tell of a waiting one."""
    if action.status is ActionStatus.RUNNING:
        return _running(action, now, encoding)
    time = _elapsed(action, now)
    if action.status is ActionStatus.COMPLETED:
        return Cells("completed", 1.0, "100%", "", time, _told(action, encoding))
    if action.status is ActionStatus.FAILED:
        why = visible(action.error or action.failure or "no error given", encoding)
        return Cells("failed", time=_joined(time, _tries(action), by=", "), detail=why)
    if action.status is ActionStatus.SKIPPED:
        return Cells("skipped", detail=visible(action.message or "", encoding))
    return Cells("pending", detail=visible(f"after {', '.join(needs)}", encoding) if needs else "")


def counts(instances: dict[str, int]) -> str:
    """``7/20 done, 3 running, 1 failed``: the instances of an action with ``each``."""
    total = sum(instances.values())
    done = instances.get(ActionStatus.COMPLETED, 0) + instances.get(ActionStatus.SKIPPED, 0)
    told = [f"{instances[word]} {word}" for word in (ActionStatus.RUNNING, ActionStatus.FAILED) if instances.get(word)]
    return ", ".join([f"{done}/{total} done", *told])


def _running(action: ActionProgress, now: datetime, encoding: str) -> Cells:
    entry = action.categories.get(action.progress_category or "default")
    detail = _joined(_tries(action), _category(action, entry, encoding), _told(action, encoding))
    if action.instances is not None:
        return Cells("running", action.progress, _percent(action.progress), "", _elapsed(action, now), detail)
    if entry is None:
        return Cells("running", None, "", "", _elapsed(action, now), detail)
    known = bool(entry.total)
    return Cells(
        "running",
        action.progress if known else None,
        _percent(action.progress) if known else short_number(entry.current),
        short_rate(entry.rate) if entry.rate is not None else "",
        f"{short_time(entry.eta)} left" if entry.eta is not None else _elapsed(action, now),
        detail,
    )


def _told(action: ActionProgress, encoding: str) -> str:
    instances = counts(dict(action.instances)) if action.instances else ""
    return _joined(instances, pairs(action.metrics, encoding), visible(action.message or "", encoding))


def _tries(action: ActionProgress) -> str:
    return f"attempt {action.attempt}" if action.attempt > 1 else ""


def _category(action: ActionProgress, entry: CategoryProgress | None, encoding: str) -> str:
    """``epoch 3/10``, where the action has given what it counts a name."""
    if entry is None or action.progress_category is None:
        return ""
    total = f"/{short_number(entry.total)}" if entry.total else ""
    return f"{visible(action.progress_category, encoding)} {short_number(entry.current)}{total}"


def _joined(*parts: str, by: str = "  ") -> str:
    return by.join(part for part in parts if part)


def _percent(fraction: float) -> str:
    return f"{int(fraction * 100 + 1e-9)}%"


def _elapsed(action: ActionProgress, now: datetime) -> str:
    if action.started_at is None:
        return ""
    return short_time(((action.completed_at or now) - action.started_at).total_seconds())
