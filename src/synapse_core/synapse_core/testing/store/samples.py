"""Runs, events and checkpoints for the rules of stores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from typing import Any

from synapse_core.events import Draft, Event, Kind
from synapse_core.models import ActionStatus, Checkpoint
from synapse_core.protocols import RunRecord, Store

START = datetime(2026, 11, 21, 5, 30, 0, 123_456, tzinfo=UTC)
"""The time of the first event; the others follow by a millisecond, and microseconds matter."""

_numbers = count(1)

AWKWARD: Sequence[dict[str, Any]] = (
    {},
    {"message": ""},
    {"message": "größer → 🦆 \u2028 \x00 \" ' \\ \r\n\t", "schlüssel ": "שלום"},
    {"number": 2**70, "small": 1e-300, "pi": 3.141592653589793, "minus": -0.5, "zero": 0},
    {"true": True, "false": False, "null": None},
    {"nested": {"list": [[[], {}], [1, "a", None, {"deep": [0.1]}]]}},
    {"message": "x" * 1_000_000},
)
"""Payloads that have to come back as they were."""


def new_run(name: str = "demo", *, run_id: str | None = None, at: datetime = START, **more: Any) -> RunRecord:
    """A run as it was asked for, under an id of its own that sorts behind those made before."""
    plan = {"name": name, "nodes": [{"name": "load", "needs": []}, {"name": "train", "needs": ["load"]}]}
    return RunRecord(run_id or f"run-{next(_numbers):08d}", name, {"seed": 7}, plan, at, **more)


def created(run: RunRecord) -> Draft:
    """The first event of a run."""
    return Draft(Kind.RUN_CREATED, run.created_at, None, 0, {**run.plan, "params": run.params})


def draft(kind: str, action: str | None = None, number: int = 0, attempt: int = 0, **payload: Any) -> Draft:
    """An event of some time after the start."""
    return Draft(kind, START + timedelta(milliseconds=number), action, attempt, payload)


def log(number: int, action: str = "train") -> Draft:
    """A numbered log event."""
    return draft(Kind.ACTION_LOG, action, number, 1, level="info", message=f"line {number}")


def story() -> list[Draft]:
    """What happens in a run of two actions, of which the second is retried: one event of most kinds."""
    return [
        draft(Kind.RUN_STARTED, number=1),
        draft(Kind.ACTION_STARTED, "load", 2, 1),
        draft(Kind.ACTION_PROGRESS, "load", 3, 1, current=1, total=4, category=None),
        draft(Kind.ACTION_PROGRESS, "load", 4, 1, current=3, total=4, category=None),
        draft(Kind.ACTION_METRICS, "load", 5, 1, metrics={"rows": 1797}, category="data"),
        draft(Kind.ACTION_MESSAGE, "load", 6, 1, level="info", message="read"),
        draft(Kind.ACTION_COMPLETED, "load", 7, 1),
        draft(Kind.ACTION_STARTED, "train", 8, 1),
        draft("action.of_a_later_version", "train", 9, 1, anything=[1]),
        draft(Kind.ACTION_RETRYING, "train", 10, 1, error="ValueError: no", delay=0.1, next_attempt=2),
        draft(Kind.ACTION_STARTED, "train", 11, 2),
        draft(Kind.ACTION_CHECKPOINT, "train", 12, 2, state={"epoch": 3}, artifacts_path=None),
        log(13),
        draft(Kind.ACTION_COMPLETED, "train", 14, 2),
        draft(Kind.RUN_COMPLETED, number=15, result={"accuracy": 0.97}),
    ]


def checkpoint(run_id: str, action: str, index: int, result: Any, **more: Any) -> Checkpoint:
    """What a completed action leaves."""
    given = {"attempt": 1, "created_at": START, "entrypoint": f"pkg.mod:{action}", "version": "1", "inputs_hash": "ab"}
    return Checkpoint(run_id, action, index, ActionStatus.COMPLETED, result, **{**given, **more})


async def begun(store: Store, *drafts: Draft, **more: Any) -> str:
    """A run that was just created, with these events after its first; its id."""
    run = new_run(**more)
    await store.create(run, [created(run), *drafts])
    return run.id


async def everything(store: Store, run_id: str) -> list[Event]:
    """All events of a run, read page by page."""
    events: list[Event] = []
    while page := await store.read(run_id, after=len(events), limit=700):
        events += page
    return events


def plain(event: Event | Draft) -> tuple[Any, ...]:
    """What an event says, whoever numbered it."""
    return str(event.kind), event.time, event.action, event.attempt, event.payload


OTHER_ZONE = timezone(timedelta(hours=5, minutes=30))
"""A zone in which a time may be given; it comes back as the same instant."""
