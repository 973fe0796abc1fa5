"""What to type next, after having seen how a run stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from synapse_core.cli.engines import Engine
from synapse_core.cli.naming import runs_command
from synapse_core.models import ActionStatus, Checkpoint, PipelineProgress, RunStatus
from synapse_core.protocols import RunRecord


class Advice(NamedTuple):
    """A command, and what it does."""

    command: str
    does: str


def advice_on(
    progress: PipelineProgress,
    engine: Engine,
    record: RunRecord,
    checkpoints: Sequence[Checkpoint],
    store: str | None,
) -> list[Advice]:
    """The commands that make sense now, the likeliest first."""
    return [
        Advice(runs_command(word, record.id, store, *more), does)
        for word, more, does in _fitting(progress, engine, checkpoints)
    ]


def _fitting(
    progress: PipelineProgress, engine: Engine, checkpoints: Sequence[Checkpoint]
) -> list[tuple[str, tuple[str, ...], str]]:
    if engine.gone:
        return [
            ("recover", (), "goes on with it"),
            ("cancel", (), "gives it up"),
        ]
    if not progress.status.is_terminal():
        return [("watch", (), "shows it live"), ("cancel", (), "ends it")]
    if progress.status is RunStatus.COMPLETED:
        last = progress.progress[-1].name if progress.progress else ""
        return [("rerun", ("--from", last), "runs its last action anew"), ("logs", (), "prints what it has said")]
    failed = next((action.name for action in progress.progress if action.status is ActionStatus.FAILED), None)
    logs = [("logs", ("--action", failed), "prints what that action has said")] if failed else []
    if not checkpoints:
        return [("resume", ("--missing-ok",), "runs it again"), *logs]
    return [
        ("resume", ("--plan",), "says what would be reused, and why"),
        ("resume", (), "goes on from what was completed"),
        *logs,
    ]
