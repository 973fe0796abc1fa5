"""Everything that happens in a run is an event: the kinds, and the value itself.

A producer makes a `Draft`; the store gives it its ``seq`` and keeps it as an `Event`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from attrs import frozen


class Kind(StrEnum):
    """The kinds of events; a reader ignores those it does not know."""

    RUN_CREATED = "run.created"
    RUN_STARTED = "run.started"
    RUN_RESUMED = "run.resumed"
    RUN_CANCEL_REQUESTED = "run.cancel_requested"
    RUN_COMPLETED = "run.completed"
    RUN_FAILED = "run.failed"
    RUN_CANCELLED = "run.cancelled"
    ACTION_STARTED = "action.started"
    ACTION_PROGRESS = "action.progress"
    ACTION_METRICS = "action.metrics"
    ACTION_LOG = "action.log"
    ACTION_MESSAGE = "action.message"
    ACTION_RETRYING = "action.retrying"
    ACTION_CHECKPOINT = "action.checkpoint"
    ACTION_COMPLETED = "action.completed"
    ACTION_FAILED = "action.failed"
    ACTION_SKIPPED = "action.skipped"


RUN_ENDED = frozenset({Kind.RUN_COMPLETED, Kind.RUN_FAILED, Kind.RUN_CANCELLED})

EMPTY: Mapping[str, Any] = {}


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Draft(NamedTuple):
    """An event before the store has given it its place; ``payload`` is JSON data."""

    kind: str
    time: datetime
    action: str | None = None
    attempt: int = 0
    payload: Mapping[str, Any] = EMPTY


@frozen
class Event:
    """One thing that happened; ``seq`` counts 1, 2, 3 … in its run and ``payload`` is JSON data."""

    run_id: str
    seq: int
    time: datetime
    kind: str
    action: str | None = None
    attempt: int = 0
    payload: Mapping[str, Any] = EMPTY

    def to_dict(self) -> dict[str, Any]:
        """The event as JSON data, as it goes over the wire."""
        return {
            "run_id": self.run_id,
            "seq": self.seq,
            "time": self.time.isoformat(),
            "kind": str(self.kind),
            "action": self.action,
            "attempt": self.attempt,
            "payload": self.payload,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Event:
        """The event that `to_dict` gave ``data`` for.

        Raises:
            KeyError: a field is missing.
            ValueError: the time is no ISO 8601 time.
        """
        return cls(
            run_id=data["run_id"],
            seq=data["seq"],
            time=datetime.fromisoformat(data["time"]),
            kind=data["kind"],
            action=data.get("action"),
            attempt=data.get("attempt", 0),
            payload=data.get("payload") or EMPTY,
        )


def unreached(action: str, reason: str) -> Draft:
    """The end of an action that a failure or a cancel cut off before it had started: it counts for nothing."""
    return Draft(Kind.ACTION_SKIPPED, now(), action, 0, {"reason": reason, "reached": False})


def stamp(run_id: str, after: int, drafts: Iterable[Draft]) -> list[Event]:
    """The drafts as events, numbered on from ``after``; for stores."""
    return [
        Event(run_id, seq, draft.time, draft.kind, draft.action, draft.attempt, draft.payload)
        for seq, draft in enumerate(drafts, after + 1)
    ]
