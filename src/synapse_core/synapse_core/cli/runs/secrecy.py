"""Keeps secret params out of what is shown of a run."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from synapse_core.env.masking import hide
from synapse_core.protocols import RunRecord


@frozen
class Secrets:
    """Which names are secret: those that the actions' models say are, and text whose name looks as if it were."""

    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, record: RunRecord) -> Secrets:
        """Those of a run, as they were when it was started."""
        return cls(frozenset(record.plan.get("secrets", ())))

    def public(self, value: Any) -> Any:
        """JSON data without the secrets in it."""
        return hide(value, self.names)
