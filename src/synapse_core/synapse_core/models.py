"""The states of a run and what is kept of it: plain frozen values, the same in every store and on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from attrs import Factory, frozen


class RunStatus(StrEnum):
    """``pending → running → completed | failed | cancelled``; a terminal state never changes."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    def is_terminal(self) -> bool:
        """Whether the run has ended."""
        return self in _ENDED_RUNS


class ActionStatus(StrEnum):
    """``pending → running → completed | failed | skipped``; a retried action stays ``running``."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"

    def is_terminal(self) -> bool:
        """Whether the action has ended."""
        return self in _ENDED_ACTIONS


_ENDED_RUNS = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})
_ENDED_ACTIONS = frozenset({ActionStatus.COMPLETED, ActionStatus.FAILED, ActionStatus.SKIPPED})


class LogLevel(StrEnum):
    """How much a log entry matters."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@frozen
class Failure:
    """An exception as data: what is left of it across processes, even where it cannot be unpickled."""

    type: str
    message: str
    traceback: str = ""

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


@frozen
class CategoryProgress:
    """Where one category of an action's progress stands.

    ``rate`` is in units a second, ``eta`` in seconds; both are None until two reports tell. ``since`` and ``base``
    are the time and value of the first report, from which the rate is counted.
    """

    current: float
    total: float | None = None
    rate: float | None = None
    eta: float | None = None
    since: datetime | None = None
    base: float = 0.0

    @property
    def fraction(self) -> float:
        """0 to 1; 0 where the total is unknown."""
        return min(max(self.current / self.total, 0.0), 1.0) if self.total else 0.0


@frozen
class ActionProgress:
    """One action of a run, or one instance of an action with ``each``.

    ``progress`` is 0 to 1, of the category that reported last. ``instances`` counts, by status, the instances of
    an action with ``each``; the instances themselves are in `PipelineProgress.instances`. ``total`` is for those who
    report to a service in units: ``ActionProgress("train", progress=50, total=100)``; in a state it is 1.
    """

    name: str
    status: ActionStatus = ActionStatus.PENDING
    progress: float = 0.0
    progress_category: str | None = None
    message: str | None = None
    metrics: Mapping[str, Any] = Factory(dict)
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: str | None = None
    attempt: int = 0
    categories: Mapping[str, CategoryProgress] = Factory(dict)
    failure: Failure | None = None
    instances: Mapping[str, int] | None = None
    total: float = 1.0


@frozen
class PipelineProgress:
    """The state of a run: what ``fold(events)`` gives. ``progress`` lists the actions in pipeline order."""

    run_id: str = ""
    pipeline_id: str | None = None
    name: str = ""
    status: RunStatus = RunStatus.PENDING
    current_action: str | None = None
    current_action_index: int | None = None
    progress: tuple[ActionProgress, ...] = ()
    overall_progress: float = 0.0
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: str | None = None
    errors: tuple[str, ...] = ()
    result: Any = None
    seq: int = 0
    cancel_requested: bool = False
    needs: Mapping[str, tuple[str, ...]] = Factory(dict)
    instances: Mapping[str, ActionProgress] = Factory(dict)

    @property
    def actions(self) -> tuple[ActionProgress, ...]:
        """Another name for ``progress``."""
        return self.progress

    def action(self, name: str) -> ActionProgress:
        """The action, or the instance (``train[3]``), of that name.

        Raises:
            KeyError: there is none.
        """
        for entry in self.progress:
            if entry.name == name:
                return entry
        return self.instances[name]


@frozen
class Checkpoint:
    """What a completed action leaves, written in one transaction with its ``action.completed`` event.

    ``result`` is JSON data. ``entrypoint``, ``version`` and ``inputs_hash`` say what made it, so that a resume can
    tell whether it may be reused. ``params_snapshot`` (the params after the merge) is put together when it is read.
    """

    run_id: str
    action_name: str
    action_index: int
    status: ActionStatus
    result: Any = None
    attempt: int = 1
    created_at: datetime | None = None
    artifacts_path: str | None = None
    entrypoint: str = ""
    version: str = ""
    inputs_hash: str = ""
    params_snapshot: Mapping[str, Any] | None = None


@frozen
class LogEntry:
    """One line of a run's log."""

    message: str
    level: LogLevel = LogLevel.INFO
    action_name: str | None = None
    timestamp: datetime | None = None
    run_id: str = ""
    id: str = ""
    data: Mapping[str, Any] | None = None
