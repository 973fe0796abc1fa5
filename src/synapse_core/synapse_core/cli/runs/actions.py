"""``synapse runs show``: the table of a run's actions."""

from __future__ import annotations

from synapse_core.builtin.console.cells import counts
from synapse_core.builtin.console.text import pairs, visible
from synapse_core.cli.runs.look import Looked
from synapse_core.cli.runs.tables import Cell, print_table, state_cell
from synapse_core.cli.runs.times import took
from synapse_core.models import ActionProgress, ActionStatus

_HEADS = ("ACTION", "STATUS", "DONE", "ATTEMPTS", "STARTED", "TIME", "")


def print_actions(looked: Looked) -> None:
    """Print a row for each action, and for each instance that is not completed."""
    run = looked.progress
    rows = []
    for action in run.progress:
        rows.append(_row(action, looked))
        inner = [i for name, i in run.instances.items() if name.startswith(f"{action.name}[")]
        rows += [_row(i, looked, indent="  ") for i in inner if i.status is not ActionStatus.COMPLETED]
    if rows:
        print_table(_HEADS, rows)


def _row(action: ActionProgress, looked: Looked, indent: str = "") -> list[Cell]:
    gone = looked.engine.gone and action.status is ActionStatus.RUNNING
    started = "" if action.started_at is None else f"{action.started_at.astimezone():%H:%M:%S}"
    return [
        indent + visible(action.name),
        state_cell(action.status, gone=gone),
        _done(action),
        str(action.attempt or ""),
        started,
        "" if gone else took(action.started_at, action.completed_at),
        _told(action),
    ]


def _done(action: ActionProgress) -> str:
    if action.status in {ActionStatus.PENDING, ActionStatus.SKIPPED}:
        return ""
    return f"{int(action.progress * 100 + 1e-9)}%"


def _told(action: ActionProgress) -> str:
    """What failed, how far the instances are, the newest metrics, the last message."""
    instances = counts(dict(action.instances)) if action.instances else ""
    parts = (visible(action.error or ""), instances, pairs(action.metrics), visible(action.message or ""))
    return "  ".join(part for part in parts if part)
