"""A run as it is told again and again while it is reported on: `RunText` encodes only what has changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from synapse_core.models import ActionProgress, PipelineProgress
from synapse_core.protocols import RunRecord
from synapse_store.wire.codec import action_to_data
from synapse_store.wire.text import dumps, iso, maybe_iso

_MOST = 50
"""Actions of a run whose texts are kept."""


class RunText:
    """The JSON text of `run_to_data`, with its fields in the same order.

    Args:
        record: the run as it was asked for.
    """

    def __init__(self, record: RunRecord) -> None:
        self._record = record
        self._first = _fields({"id": record.id, "pipeline_id": record.pipeline_id, "name": record.name})
        self._params = _fields({"params": record.params})
        self._work_dir = _fields({"work_dir": record.work_dir})
        self._created = iso(record.created_at)
        self._actions: dict[str, tuple[ActionProgress, bytes]] = {}
        self._middle: tuple[str | None, datetime | None, datetime | None, bool, bytes] | None = None

    def of(self, state: PipelineProgress) -> bytes:
        """The run in this state."""
        return b'{%s,"status":"%s",%s,%s,%s,"progress":[%s],%s}' % (
            self._first,
            state.status.value.encode(),
            self._params,
            _NO_END if state.result is None and state.error is None else _end(state),
            self._work_dir,
            b",".join([self._action(entry) for entry in state.progress]),
            self._rest(state),
        )

    def _action(self, entry: ActionProgress) -> bytes:
        known = self._actions.get(entry.name)
        if known is not None and known[0] is entry:
            return known[1]
        text = dumps(action_to_data(entry))
        if known is not None or len(self._actions) < _MOST:
            self._actions[entry.name] = entry, text
        return text

    def _rest(self, state: PipelineProgress) -> bytes:
        current, asked = state.current_action, state.cancel_requested
        if self._middle is None or self._middle[:4] != (current, state.started_at, state.completed_at, asked):
            self._middle = current, state.started_at, state.completed_at, asked, self._between(state)
        return b'"overall_progress":%s,%s,"seq":%d' % (dumps(state.overall_progress), self._middle[4], state.seq)

    def _between(self, state: PipelineProgress) -> bytes:
        """What stands between the two numbers that change with each report."""
        return _fields(
            {
                "current_action": state.current_action,
                "current_action_index": state.current_action_index,
                "started_at": maybe_iso(state.started_at),
                "completed_at": maybe_iso(state.completed_at),
                "created_at": self._created,
                "cancel_requested": state.cancel_requested,
                "resumed_from": self._record.resumed_from,
                "target": self._record.target,
            }
        )


def _end(state: PipelineProgress) -> bytes:
    return _fields({"result": state.result, "error": state.error})


def _fields(data: Mapping[str, Any]) -> bytes:
    return dumps(data)[1:-1]


_NO_END = _fields({"result": None, "error": None})
