"""What goes to a worker in another process and comes back from it, as plain data: calls, reports, outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from synapse_core.actiondef.target import portable
from synapse_core.events import Draft
from synapse_core.models import Failure
from synapse_core.protocols import Call, Outcome

_HERE_ONLY = {"spec", "local", "resources"}
_NAMES = tuple(field.name for field in attrs.fields(Call) if field.name not in _HERE_ONLY)


def call_data(call: Call) -> dict[str, Any]:
    """The call as data, for `call_of`; what only means something here is left out.

    Raises:
        DiscoveryError: no other process can find the action.
    """
    data = {name: getattr(call, name) for name in _NAMES}
    data.update(entrypoint=portable(call.entrypoint), params=dict(call.params), env=dict(call.env))
    return data


def call_of(data: Mapping[str, Any]) -> Call:
    """The call that `call_data` gave ``data`` for."""
    return Call(**{**data, "hooks": tuple(data["hooks"])})


def outcome_data(outcome: Outcome) -> dict[str, Any]:
    """The outcome as data, for `outcome_of`; without ``value``, which stays in its process."""
    failure = outcome.failure
    return {
        "status": outcome.status,
        "result": outcome.result,
        "merges": outcome.merges,
        "failure": [failure.type, failure.message, failure.traceback] if failure else None,
        "kinds": outcome.kinds,
    }


def outcome_of(data: Mapping[str, Any]) -> Outcome:
    """The outcome that `outcome_data` gave ``data`` for."""
    failure = Failure(*data["failure"]) if data["failure"] else None
    return Outcome(data["status"], data["result"], data["merges"], failure=failure, kinds=tuple(data["kinds"]))


def draft_rows(drafts: Sequence[Draft]) -> list[list[Any]]:
    """Drafts as JSON data."""
    return [[str(d.kind), d.time.isoformat(), d.action, d.attempt, d.payload] for d in drafts]


def drafts_of(rows: Sequence[Sequence[Any]]) -> list[Draft]:
    """The drafts that `draft_rows` gave ``rows`` for."""
    return [
        Draft(kind, datetime.fromisoformat(time), action, attempt, payload)
        for kind, time, action, attempt, payload in rows
    ]
