"""`RunEnd`: how a run ended."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from synapse_core.models import RunStatus
from synapse_core.protocols import Outcome


@define
class RunEnd:
    """How a run ended. ``value`` is the result itself where it never left this process, else JSON data."""

    status: RunStatus
    value: Any = None
    error: str | None = None
    errors: tuple[str, ...] = ()
    outcome: Outcome | None = field(default=None, repr=False)
