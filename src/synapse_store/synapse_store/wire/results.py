"""What the service answers with, as typed values that index like the dicts they are on the wire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import attrs
from attrs import Factory, frozen

from synapse_core import models
from synapse_core.models import ActionStatus, LogLevel, RunStatus


class Indexed:
    """Attributes that can be read as items too: ``run["id"]``, ``run.get("error")``, ``dict(run)``."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Any:
        if name in self.keys():
            return getattr(self, name)
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def keys(self) -> Sequence[str]:
        """The names of the fields."""
        cls: Any = type(self)
        return [attribute.name for attribute in attrs.fields(cls)]

    def values(self) -> list[Any]:
        """The fields' values, in the order of `keys`."""
        return [getattr(self, name) for name in self.keys()]

    def items(self) -> list[tuple[str, Any]]:
        """The fields by name."""
        return list(zip(self.keys(), self.values(), strict=True))

    def get(self, name: str, default: Any = None) -> Any:
        """The field of that name, or ``default`` where there is none."""
        return getattr(self, name) if name in self.keys() else default


@frozen
class ActionProgress(Indexed, models.ActionProgress):
    """One action of a run; whatever takes the core's `ActionProgress` takes this."""


@frozen
class PipelineProgress(Indexed, models.PipelineProgress):
    """The state of a run; whatever takes the core's `PipelineProgress` takes this."""

    @property
    def actions(self) -> tuple[ActionProgress, ...]:
        """Another name for ``progress``."""
        return cast(tuple[ActionProgress, ...], self.progress)


@frozen
class Pipeline(Indexed):
    """A pipeline that the service knows by its definition."""

    id: str
    name: str
    actions: Sequence[Mapping[str, Any]]
    created_at: datetime
    description: str | None = None


@frozen
class Run(Indexed):
    """A run as the service tells of it; ``progress`` has an entry for each action."""

    id: str
    status: RunStatus
    created_at: datetime
    pipeline_id: str | None = None
    name: str = ""
    params: Mapping[str, Any] = Factory(dict)
    result: Any = None
    error: str | None = None
    work_dir: str | None = None
    progress: Sequence[ActionProgress] = ()
    overall_progress: float = 0.0
    current_action: str | None = None
    current_action_index: int | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    cancel_requested: bool = False
    resumed_from: str | None = None
    target: str | None = None
    seq: int = 0


@frozen
class Checkpoint(Indexed):
    """What a completed action left."""

    id: str
    run_id: str
    action_name: str
    action_index: int
    status: ActionStatus
    params_snapshot: Mapping[str, Any] | None = None
    result: Any = None
    artifacts_path: str | None = None
    created_at: datetime | None = None
    attempt: int = 1
    entrypoint: str = ""
    version: str = ""
    inputs_hash: str = ""


@frozen
class LogEntry(Indexed):
    """One line of a run's log."""

    message: str
    level: LogLevel = LogLevel.INFO
    action_name: str | None = None
    timestamp: datetime | None = None
    run_id: str = ""
    id: str = ""
    data: Mapping[str, Any] | None = None


@frozen
class Series(Indexed):
    """The history of one metric of an action: ``points`` are pairs of time and value, oldest first."""

    action: str | None
    category: str | None
    name: str
    points: Sequence[Sequence[Any]]
    count: int


@frozen
class Event(Indexed):
    """One thing that happened in a run; ``seq`` is its place, from 1 on."""

    run_id: str
    seq: int
    time: datetime
    kind: str
    action: str | None = None
    attempt: int = 0
    payload: Mapping[str, Any] = Factory(dict)


@frozen
class Lease(Indexed):
    """The right to advance a run: every write of its engine carries the epoch."""

    run_id: str
    owner: str
    epoch: int
    expires_at: datetime


@frozen
class Record(Indexed):
    """A run as it was asked for."""

    id: str
    name: str
    params: Mapping[str, Any]
    plan: Mapping[str, Any]
    created_at: datetime
    work_dir: str | None = None
    pipeline_id: str | None = None
    resumed_from: str | None = None
    target: str | None = None
    options: Mapping[str, Any] = Factory(dict)


@frozen
class Taken(Indexed):
    """A batch of events was written, or had been: ``seq`` is the number of the last event."""

    seq: int


@frozen
class Ticket(Indexed):
    """Opens one stream, once, within ``expires_in`` seconds."""

    ticket: str
    expires_in: int


@frozen
class Health(Indexed):
    """The service answers, and so does its store."""

    status: str
    version: str


@frozen
class Runner(Indexed):
    """Whether the service takes up runs, by a runner of its own."""

    available: bool


@frozen
class Engine(Indexed):
    """Whether an engine has the run, or its engine is ``gone``; on a ``reported`` run a client reports instead."""

    lives: bool
    gone: bool
    reported: bool


@frozen
class Issue(Indexed):
    """One wrong field of a request."""

    path: str
    message: str


@frozen
class Problem(Indexed):
    """Why a request was not done; ``expected`` and ``lease`` are there where a batch or a claim was refused."""

    detail: str
    errors: Sequence[Issue] = ()
    expected: int | None = None
    lease: Lease | None = None
