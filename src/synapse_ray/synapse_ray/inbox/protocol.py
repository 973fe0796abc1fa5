"""What an inbox is to the engine: `Inbox`; and what it tells of an attempt: `Listener`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from synapse_ray.worker.order import Batch


@frozen
class Beat:
    """A sign of life of an attempt's worker: its process, its node's id, and how many seconds the action runs."""

    pid: int
    node: str
    age: float


class Listener(Protocol):
    """Is told of one attempt, from any thread."""

    def take(self, batches: Sequence[Batch]) -> None:
        """Reports; those that were told before may be among them."""

    def heard(self, beat: Beat) -> None:
        """The worker runs."""


class Inbox(Protocol):
    """Where the workers of an engine's attempts report to.

    Attributes:
        name: of the actor, in the namespace `NAMESPACE`; it has the methods of `ReportsHere`.
    """

    @property
    def name(self) -> str: ...

    def open(self, key: str, listener: Listener) -> None:
        """An attempt is about to start."""

    def close(self, key: str) -> None:
        """It has ended; nothing more of it is told."""

    def ask_stop(self, key: str, reason: str, grace: float) -> None:
        """Have its worker stop the action; at once, if it listens now. May block until that can be told."""

    async def aclose(self) -> None:
        """Let go of what the inbox holds."""
