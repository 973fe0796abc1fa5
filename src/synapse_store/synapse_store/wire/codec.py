"""From the core's values to the wire's dicts and back, without loss: what is read is what was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import attrs

from synapse_core.events import Draft, Event
from synapse_core.models import (
    ActionProgress,
    ActionStatus,
    CategoryProgress,
    Checkpoint,
    Failure,
    PipelineProgress,
    RunStatus,
)
from synapse_core.protocols import Lease, RunRecord, RunSummary
from synapse_store.wire.text import iso, maybe_iso, maybe_moment, moment

Data = dict[str, Any]
T = TypeVar("T")


# -- the state ------------------------------------------------------------------------------------------------


def action_to_data(action: ActionProgress) -> Data:
    """An action progress object."""
    return {
        "name": action.name,
        "status": action.status.value,
        "progress": action.progress,
        "progress_category": action.progress_category,
        "message": action.message,
        "metrics": action.metrics,
        "started_at": maybe_iso(action.started_at),
        "completed_at": maybe_iso(action.completed_at),
        "error": action.error,
        "attempt": action.attempt,
        "categories": {name: _category_to_data(entry) for name, entry in action.categories.items()},
        "failure": None if action.failure is None else attrs.asdict(action.failure),
        "instances": action.instances,
    }


def _category_to_data(entry: CategoryProgress) -> Data:
    return {
        "current": entry.current,
        "total": entry.total,
        "rate": entry.rate,
        "eta": entry.eta,
        "since": maybe_iso(entry.since),
        "base": entry.base,
    }


def action_from_data(data: Mapping[str, Any], cls: type[ActionProgress] = ActionProgress) -> ActionProgress:
    """The action that `action_to_data` gave ``data`` for, as a ``cls``."""
    failure = data.get("failure")
    return cls(
        data["name"],
        ActionStatus(data["status"]),
        data.get("progress", 0.0),
        data.get("progress_category"),
        data.get("message"),
        data.get("metrics") or {},
        maybe_moment(data.get("started_at")),
        maybe_moment(data.get("completed_at")),
        data.get("error"),
        data.get("attempt", 0),
        {name: _category_from_data(entry) for name, entry in (data.get("categories") or {}).items()},
        None if failure is None else Failure(**failure),
        data.get("instances"),
    )


def _category_from_data(data: Mapping[str, Any]) -> CategoryProgress:
    known = {name: data[name] for name in ("current", "total", "rate", "eta", "base") if name in data}
    return CategoryProgress(**known, since=maybe_moment(data.get("since")))


def progress_to_data(state: PipelineProgress) -> Data:
    """A progress object."""
    return {
        "run_id": state.run_id,
        "pipeline_id": state.pipeline_id,
        "name": state.name,
        "status": state.status.value,
        "current_action": state.current_action,
        "current_action_index": state.current_action_index,
        "progress": [action_to_data(action) for action in state.progress],
        "overall_progress": state.overall_progress,
        "created_at": maybe_iso(state.created_at),
        "started_at": maybe_iso(state.started_at),
        "completed_at": maybe_iso(state.completed_at),
        "error": state.error,
        "errors": list(state.errors),
        "result": state.result,
        "seq": state.seq,
        "cancel_requested": state.cancel_requested,
        "needs": {name: list(needs) for name, needs in state.needs.items()},
        "instances": {name: action_to_data(entry) for name, entry in state.instances.items()},
    }


def progress_from_data(
    data: Mapping[str, Any],
    cls: type[PipelineProgress] = PipelineProgress,
    action: type[ActionProgress] = ActionProgress,
) -> PipelineProgress:
    """The state that `progress_to_data` gave ``data`` for, as a ``cls`` with ``action``s."""
    plain = ("run_id", "pipeline_id", "name", "current_action", "current_action_index", "overall_progress", "error")
    said = {name: data[name] for name in (*plain, "result", "seq", "cancel_requested") if name in data}
    times: dict[str, Any] = {
        name: maybe_moment(data.get(name)) for name in ("created_at", "started_at", "completed_at")
    }
    return cls(
        **said,
        **times,
        status=RunStatus(data["status"]),
        progress=tuple(action_from_data(entry, action) for entry in data.get("progress") or ()),
        errors=tuple(data.get("errors") or ()),
        needs={name: tuple(needs) for name, needs in (data.get("needs") or {}).items()},
        instances={name: action_from_data(e, action) for name, e in (data.get("instances") or {}).items()},
    )


def _times(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: maybe_moment(data.get(name)) for name in ("created_at", "started_at", "completed_at")}


def run_to_data(record: RunRecord, state: PipelineProgress) -> Data:
    """A run."""
    return {
        "id": record.id,
        "pipeline_id": record.pipeline_id,
        "name": record.name,
        "status": state.status.value,
        "params": record.params,
        "result": state.result,
        "error": state.error,
        "work_dir": record.work_dir,
        "progress": [action_to_data(action) for action in state.progress],
        "overall_progress": state.overall_progress,
        "current_action": state.current_action,
        "current_action_index": state.current_action_index,
        "started_at": maybe_iso(state.started_at),
        "completed_at": maybe_iso(state.completed_at),
        "created_at": iso(record.created_at),
        "cancel_requested": state.cancel_requested,
        "resumed_from": record.resumed_from,
        "target": record.target,
        "seq": state.seq,
    }


# -- what a store keeps ----------------------------------------------------------------------------------------


def event_to_data(event: Event) -> Data:
    """An event; its time in UTC."""
    return {**event.to_dict(), "time": iso(event.time)}


def draft_to_data(draft: Draft) -> Data:
    """An event that has no number yet."""
    return {
        "kind": str(draft.kind),
        "time": iso(draft.time),
        "action": draft.action,
        "attempt": draft.attempt,
        "payload": draft.payload,
    }


def record_to_data(record: RunRecord) -> Data:
    """A run as it was asked for."""
    return _with_times(record)


def record_from_data(data: Mapping[str, Any]) -> RunRecord:
    """The record that `record_to_data` gave ``data`` for."""
    return made(RunRecord, {**data, "created_at": moment(data["created_at"])})


def checkpoint_to_data(checkpoint: Checkpoint) -> Data:
    """A checkpoint as a store keeps it."""
    return {**_with_times(checkpoint), "status": checkpoint.status.value}


def checkpoint_from_data(data: Mapping[str, Any]) -> Checkpoint:
    """The checkpoint that `checkpoint_to_data` gave ``data`` for."""
    times = {"created_at": maybe_moment(data.get("created_at")), "status": ActionStatus(data["status"])}
    return made(Checkpoint, {**data, **times})


def lease_to_data(lease: Lease) -> Data:
    """A lease."""
    return _with_times(lease)


def lease_from_data(data: Mapping[str, Any]) -> Lease:
    """The lease that `lease_to_data` gave ``data`` for."""
    return made(Lease, {**data, "expires_at": moment(data["expires_at"])})


def summary_to_data(run: RunSummary) -> Data:
    """A line of a list of runs."""
    return {**_with_times(run), "status": run.status.value}


def summary_from_data(data: Mapping[str, Any]) -> RunSummary:
    """The line that `summary_to_data` gave ``data`` for."""
    return made(RunSummary, {**data, **_times(data), "status": RunStatus(data["status"])})


def _with_times(value: Any) -> Data:
    found = {attribute.name: getattr(value, attribute.name) for attribute in attrs.fields(type(value))}
    return {name: iso(each) if hasattr(each, "isoformat") else each for name, each in found.items()}


def made(cls: type[T], data: Mapping[str, Any]) -> T:
    """An attrs object of the fields that its class knows: what a newer service says beside them is left out."""
    known = {attribute.name for attribute in attrs.fields(cast(Any, cls))}
    return cls(**{name: value for name, value in data.items() if name in known})
