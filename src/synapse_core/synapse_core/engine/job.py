"""`Job`: one action that is to be run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from synapse_core.events import Draft
from synapse_core.pipeline import PlanNode


@define(eq=False)
class Job:
    """One action, or one instance of it, that is to be run: its name, params, and how it is going.

    ``tail`` is what its last attempt reported and is not posted yet. ``ready`` lists the nodes that its end made
    ready, where that was settled already. ``in_flight``: its attempt ran when an engine before this one died.
    ``passes``: see `Call`.
    """

    node: PlanNode
    name: str
    params: Mapping[str, Any]
    attempt: int = 0
    midway: Mapping[str, Any] | None = None
    tail: list[Draft] = field(factory=list)
    ready: list[str] | None = None
    in_flight: bool = False
    passes: bool = False
