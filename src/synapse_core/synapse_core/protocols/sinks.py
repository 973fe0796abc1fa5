"""Who is told what happens in a run: `Sink`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from attrs import field, frozen

from synapse_core.events import Event


@runtime_checkable
class Sink(Protocol):
    """Is told a run's events, in order, on a thread of its own: it may block and delays nobody."""

    def write(self, events: Sequence[Event]) -> None:
        """Take the next events."""

    def close(self) -> None:
        """The run has ended, or this sink was dropped from it."""


@frozen
class RunInfo:
    """What a sink or a run hook is told of a run before it starts.

    ``known``: of a run that is recovered, how many events were told before; sinks are told them again, for the state.
    """

    run_id: str
    name: str
    actions: tuple[str, ...]
    params: Mapping[str, Any] = field(factory=dict, repr=False)
    work_dir: str | None = None
    display: Literal["live", "plain", "json", "none"] = "none"
    known: int = 0
