"""A logger that keeps what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synapse_core.loggers import BaseLogger


class Recorder(BaseLogger):
    """Keeps every event in ``events``."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Mapping[str, Any]]] = []

    def emit(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Keep it."""
        self.events.append((kind, payload))

    @property
    def last(self) -> Mapping[str, Any]:
        """The newest payload."""
        return self.events[-1][1]
