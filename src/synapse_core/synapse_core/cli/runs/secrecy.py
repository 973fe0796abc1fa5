"""Keeps secret params out of what is shown of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from synapse_core.env.masking import MASK, is_secret
from synapse_core.protocols import RunRecord

_NO_SECRETS = (bool, int, float, type(None))


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
        if isinstance(value, Mapping):
            return {name: MASK if self._hides(name, inner) else self.public(inner) for name, inner in value.items()}
        return [self.public(inner) for inner in value] if isinstance(value, list | tuple) else value

    def _hides(self, name: str, value: Any) -> bool:
        if value in (None, ""):
            return False
        return name in self.names or (not isinstance(value, _NO_SECRETS) and is_secret(name, frozenset()))
