"""A run as it is told again and again while it is reported on: `RunText` encodes only what has changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from json.encoder import encode_basestring as _quoted
from math import isfinite
from typing import Any

from attrs import asdict

from synapse_core.models import ActionProgress, CategoryProgress, PipelineProgress
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
            state.status.encode(),
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
        text = _action_text(entry)
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


# -- an action, by hand: to have it as a dict first takes as long as to write it -------------------------------


def _action_text(entry: ActionProgress) -> bytes:
    """The JSON text of `action_to_data`."""
    try:
        return (
            f'{{"name":{_quoted(entry.name)},"status":"{entry.status}","progress":{_number(entry.progress)},'
            f'"progress_category":{_word(entry.progress_category)},"message":{_word(entry.message)},'
            f'"metrics":{_data(entry.metrics) if entry.metrics else "{}"},"started_at":{_time(entry.started_at)},'
            f'"completed_at":{_time(entry.completed_at)},"error":{_word(entry.error)},"attempt":{_number(entry.attempt)},'
            f'"categories":{{{",".join([_category(*each) for each in entry.categories.items()])}}},'
            f'"failure":{"null" if entry.failure is None else _data(asdict(entry.failure))},'
            f'"instances":{"null" if entry.instances is None else _data(entry.instances)}}}'
        ).encode()
    except (TypeError, ValueError):  # half a surrogate pair, say
        return dumps(action_to_data(entry))


def _category(name: str, entry: CategoryProgress) -> str:
    return (
        f'{_quoted(name)}:{{"current":{_number(entry.current)},"total":{_number(entry.total)},'
        f'"rate":{_number(entry.rate)},"eta":{_number(entry.eta)},"since":{_time(entry.since)},'
        f'"base":{_number(entry.base)}}}'
    )


def _number(number: Any) -> str:
    kind = type(number)
    return repr(number) if kind is int or (kind is float and isfinite(number)) else _data(number)


def _word(text: str | None) -> str:
    return "null" if text is None else _quoted(text)


def _time(time: datetime | None) -> str:
    return "null" if time is None else f'"{iso(time)}"'


def _data(data: Any) -> str:
    return "null" if data is None else dumps(data).decode()
