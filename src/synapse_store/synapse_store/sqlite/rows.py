"""Values to rows and back: events, records, checkpoints, summaries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, cast

from attrs import define, field, fields

from synapse_core.events import EMPTY, Draft, Event, Kind
from synapse_core.models import ActionStatus, Checkpoint, RunStatus
from synapse_core.protocols import Lease, RunRecord, RunSummary
from synapse_store.sqlite.blobs import LARGE, Blob, Blobs
from synapse_store.sqlite.values import dumps, loads, maybe_moment, micros, moment

Load = Callable[[str], Any]
"""Makes of a column's text what it means, be it JSON or a reference to a blob."""

EVENT_COLUMNS = "events.seq, time, kind, action, attempt, payload"

_KINDS: Mapping[str, str] = {kind.value: kind for kind in Kind}


def _taker(cls: Any, *but: str) -> Callable[[Any], dict[str, Any]]:
    """What gives the fields of objects of a class, but for some; their times as text."""
    names = [attribute.name for attribute in fields(cls) if attribute.name not in but]
    take = attrgetter(*names)

    def fields_of(value: Any) -> dict[str, Any]:
        found = dict(zip(names, take(value), strict=True))
        if found["created_at"] is not None:
            found["created_at"] = found["created_at"].isoformat()
        return found

    return fields_of


_of_record = _taker(RunRecord)
_of_checkpoint = _taker(Checkpoint, "params_snapshot")

EventRow = tuple[int, str, str | None, int, str | None]
"""An event's columns but for its run and place: a bare tuple, as there are many of them."""


@define
class Encoder:
    """Makes text of JSON data; text that is too large for the database goes to a file.

    Attributes:
        spilled: the files that were written, which have no place yet.
    """

    blobs: Blobs
    spilled: list[Blob] = field(factory=list)

    def encode(self, value: Any, what: str) -> str:
        """The text that stands for ``value``.

        Raises:
            StoreError: it is no JSON data; ``what`` says in the message what it is.
        """
        text = dumps(value, what)
        if len(text) <= LARGE:
            return text
        blob = self.blobs.write(text)
        self.spilled.append(blob)
        return "@" + blob.hash

    def events(self, drafts: Sequence[Draft]) -> list[EventRow]:
        """The columns of events."""
        encode = self.encode
        return [
            (micros(time), kind, action, attempt, encode(payload, "the payload of an event") if payload else None)
            for kind, time, action, attempt, payload in drafts
        ]

    def record(self, run: RunRecord) -> str:
        """The text of a record."""
        return self.encode(_of_record(run), "a run")

    def checkpoint(self, checkpoint: Checkpoint) -> str:
        """The text of a checkpoint: what the action added, without the params snapshot."""
        return self.encode(_of_checkpoint(checkpoint), "a checkpoint")


def loader(blobs: Blobs) -> Load:
    """How text becomes what it means."""
    return lambda text: loads(blobs.read(text[1:]) if text[0] == "@" else text)


def event_of(row: tuple[Any, ...], load: Load) -> Event:
    """The event of a row: the run's id and the `EVENT_COLUMNS`."""
    run_id, seq, time, kind, action, attempt, payload = row
    data = EMPTY if payload is None else load(payload)
    return Event(run_id, seq, moment(time), _KINDS.get(kind, kind), action, attempt, data)


_PLAIN = frozenset({str, int, float, bool, type(None)})


def event_read(run_id: str, seq: int, draft: Draft, text: str | None, load: Load) -> Event:
    """The event as `event_of` will give it, whose payload is stored as ``text``; plain values need not be decoded."""
    kind, time, action, attempt, payload = draft
    if time.tzinfo is not UTC:
        time = moment(micros(time))
    if text is None:
        payload = EMPTY
    elif type(payload) is not dict or not _PLAIN.issuperset(map(type, payload.values())):
        payload = load(text)
    return Event(run_id, seq, time, kind, action, attempt, payload)


def record_of(row: tuple[Any, ...], load: Load) -> RunRecord:
    """The record of a row of one text."""
    return cast(RunRecord, _made(RunRecord, load(row[0])))


def checkpoint_of(row: tuple[Any, ...], load: Load) -> Checkpoint:
    """The checkpoint of a row of one text."""
    data = load(row[0])
    return cast(Checkpoint, _made(Checkpoint, {**data, "status": ActionStatus(data["status"])}))


SUMMARY_COLUMNS = "id, name, status, created_at, started_at, completed_at, error, progress, pipeline_id"


def summary_of(row: tuple[Any, ...], _load: Load) -> RunSummary:
    """The summary of a row of `SUMMARY_COLUMNS`."""
    run_id, name, status, created, started, completed, error, progress, pipeline = row
    times = moment(created), maybe_moment(started), maybe_moment(completed)
    return RunSummary(run_id, name, RunStatus(status), *times, error, progress, pipeline)


def lease_of(run_id: str, owner: str | None, epoch: int, expires_at: int | None) -> Lease | None:
    """The lease of a run's columns; None where there is none."""
    return None if owner is None or expires_at is None else Lease(run_id, owner, epoch, moment(expires_at))


def placeholders(values: Collection[object]) -> str:
    """``(?, ?)`` for two values."""
    return f"({', '.join('?' * len(values))})"


def _made(cls: Any, data: Mapping[str, Any]) -> Any:
    """The object that `_taker` took apart; fields that this version does not know are left out."""
    known = {attribute.name for attribute in fields(cls)}
    values = {name: each for name, each in data.items() if name in known}
    if values.get("created_at") is not None:
        values["created_at"] = datetime.fromisoformat(values["created_at"])
    return cls(**values)
