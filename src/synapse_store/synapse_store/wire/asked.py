"""What clients may send: one attrs class a body. Fields that are not named here are ignored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from attrs import Factory, frozen
from attrs.validators import ge, gt, le, matches_re, max_len, min_len

RUN_ID = r"[A-Za-z0-9][A-Za-z0-9_.~-]{0,127}"

Name = Annotated[str, min_len(1), max_len(200)]
Count = Annotated[int, ge(0), le(2**53)]


def _in_utc(_instance: Any, _attribute: Any, time: datetime) -> None:
    """Refuse a time that is in no year of ours once it is told in UTC."""
    try:
        (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        raise ValueError("must be between the years 1 and 9999, in UTC") from None


Time = Annotated[datetime, _in_utc]
Statuses = Literal["pending", "running", "completed", "failed", "cancelled"]
ActionStatuses = Literal["pending", "running", "completed", "failed", "skipped"]
Levels = Literal["debug", "info", "warning", "error", "critical"]


@frozen
class NewAction:
    """An action of a pipeline; ``needs`` names those it comes after, which is the one before where it is left out."""

    name: Name
    entrypoint: Name
    needs: Sequence[str] | None = None


@frozen
class NewPipeline:
    """A pipeline's definition; what an action has beside these fields is kept as it is."""

    name: Name
    actions: Annotated[Sequence[NewAction], min_len(1), max_len(10_000)]
    description: str | None = None


@frozen
class NewRun:
    """A run of a pipeline that the service knows."""

    params: Mapping[str, Any] | None = None
    work_dir: str | None = None


@frozen
class RunChange:
    """What has become of a run that its reporter runs; ``result`` and ``error`` belong to its end."""

    status: Statuses | None = None
    result: Any = None
    error: str | None = None


@frozen
class Cancel:
    """Why a run is to be cancelled, and whether at once."""

    reason: str = "cancelled"
    force: bool = False


@frozen
class Resume:
    """Params over those of the run; with ``force`` what has changed since it was completed is run again."""

    params: Mapping[str, Any] | None = None
    force: bool = False


@frozen
class Rerun:
    """The action that is run again, with all that follows it; the rest as in `Resume`."""

    action: Name
    params: Mapping[str, Any] | None = None
    force: bool = False


@frozen
class ActionReport:
    """Where an action stands. ``progress`` is 0 to 1, or units of ``total`` where that is given."""

    name: Name
    status: ActionStatuses | None = None
    progress: float | None = None
    total: Annotated[float, gt(0)] | None = None
    progress_category: str | None = None
    message: str | None = None
    metrics: Mapping[str, Any] | None = None
    error: str | None = None
    attempt: Count | None = None


@frozen
class Report:
    """Where a run stands."""

    current_action: str | None = None
    current_action_index: Count | None = None
    status: Statuses | None = None
    action_progress: ActionReport | None = None
    error: str | None = None


@frozen
class NewEvent:
    """An event before it has its number."""

    kind: Annotated[str, min_len(1), max_len(100)]
    time: Time | None = None
    action: str | None = None
    attempt: Count = 0
    payload: Mapping[str, Any] = Factory(dict)


@frozen
class Held:
    """A lease that the sender holds, or knows."""

    owner: str
    epoch: Count
    expires_at: Time | None = None


@frozen
class Kept:
    """A checkpoint as a store keeps it."""

    action_name: str
    action_index: int
    status: ActionStatuses
    result: Any = None
    attempt: int = 1
    created_at: Time | None = None
    artifacts_path: str | None = None
    entrypoint: str = ""
    version: str = ""
    inputs_hash: str = ""
    params_snapshot: Mapping[str, Any] | None = None


@frozen
class Batch:
    """Events of one producer, its ``seq``-th batch in this epoch; written once, however often it is sent.

    With a ``lease`` they are an engine's, and refused once another has the run. ``checkpoints`` are written in the
    same transaction.
    """

    producer: Annotated[str, min_len(1), max_len(200)]
    epoch: Count
    seq: Annotated[int, ge(1), le(2**53)]
    events: Annotated[Sequence[NewEvent], max_len(100_000)]
    checkpoints: Sequence[Kept] = ()
    lease: Held | None = None


@frozen
class KeptRun:
    """A run as a store keeps it."""

    id: Annotated[str, matches_re(RUN_ID)]
    name: str
    params: Mapping[str, Any]
    plan: Mapping[str, Any]
    created_at: Time
    work_dir: str | None = None
    pipeline_id: str | None = None
    resumed_from: str | None = None
    target: str | None = None
    options: Mapping[str, Any] = Factory(dict)


@frozen
class Creation:
    """A run that an engine begins, with its first events and what it takes over."""

    run: KeptRun
    events: Sequence[NewEvent]
    checkpoints: Sequence[Kept] = ()


@frozen
class Claim:
    """An engine claims a run for ``ttl`` seconds; ``over`` is a lease that it knows to be dead."""

    owner: Annotated[str, min_len(1), max_len(500)]
    ttl: Annotated[float, gt(0), le(86_400)]
    over: Held | None = None


@frozen
class Renewal:
    """An engine holds on for ``ttl`` seconds more."""

    owner: str
    epoch: Count
    ttl: Annotated[float, gt(0), le(86_400)]


@frozen
class NewCheckpoint:
    """What a completed action leaves."""

    action_name: Name
    action_index: Count
    status: ActionStatuses
    params_snapshot: Mapping[str, Any] | None = None
    result: Any = None
    artifacts_path: str | None = None


@frozen
class NewLog:
    """A line of the log."""

    message: str
    level: Levels = "info"
    action_name: str | None = None
    timestamp: Time | None = None
    data: Mapping[str, Any] | None = None


@frozen
class NewLogs:
    """Lines of the log, in order."""

    entries: Annotated[Sequence[NewLog], max_len(100_000)]
