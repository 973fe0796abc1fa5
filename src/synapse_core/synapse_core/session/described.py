"""What a store is told of plans, each worked out once: `Described`."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from synapse_core.pipeline import Plan
from synapse_core.schema import Schema
from synapse_core.session.secrets import secret_names

_KEPT = 64


@frozen
class _Description:
    plan: Plan
    data: dict[str, Any]
    secrets: list[str]


class Described:
    """Plans as the data that runs of them are kept with; a pipeline is often run again.

    Args:
        schema: of the session.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._known: dict[int, _Description] = {}

    def data(self, plan: Plan, *, secrets: bool) -> dict[str, Any]:
        """The plan as JSON data, which is the caller's own; with the names of what is secret, if wanted."""
        known = self._known.get(id(plan)) or self._describe(plan)
        data = {**known.data, "nodes": [dict(node) for node in known.data["nodes"]]}
        return {**data, "secrets": list(known.secrets)} if secrets else data

    def _describe(self, plan: Plan) -> _Description:
        found = _Description(plan, plan.to_data(portable=False), secret_names(plan, self._schema))
        while len(self._known) >= _KEPT:
            del self._known[next(iter(self._known))]
        self._known[id(plan)] = found  # the plan is kept with it, so that its id is nobody else's
        return found
