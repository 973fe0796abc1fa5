"""The inbox of an engine that lives in an actor: `DeskInbox`, and the methods that the actor has for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synapse_ray.inbox.desk import Desk
from synapse_ray.inbox.protocol import Beat, Listener
from synapse_ray.worker.order import Batch


class DeskInbox:
    """An `Inbox` in the process of the actor whose name it bears; see `ReportsHere`.

    Args:
        name: the actor's name, in the namespace `NAMESPACE`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.desk = Desk(self._take, self._heard)
        self._listeners: dict[str, Listener] = {}

    def open(self, key: str, listener: Listener) -> None:
        """See `Inbox.open`."""
        self._listeners[key] = listener
        self.desk.open(key)

    def close(self, key: str) -> None:
        """See `Inbox.close`."""
        self._listeners.pop(key, None)
        self.desk.close(key)

    def ask_stop(self, key: str, reason: str, grace: float) -> None:
        """See `Inbox.ask_stop`."""
        self.desk.ask_stop(key, reason, grace)

    async def aclose(self) -> None:
        """There is nothing to let go of: the actor is the engine's."""

    def _take(self, key: str, batches: Sequence[Batch]) -> None:
        if (listener := self._listeners.get(key)) is not None:
            listener.take(batches)

    def _heard(self, key: str, beat: Beat) -> None:
        if (listener := self._listeners.get(key)) is not None:
            listener.heard(beat)


class ReportsHere:
    """What an actor that workers report to is made from, beside its own class; it has ``inbox``, a `DeskInbox`.

    The actor is an async one; its ``max_concurrency`` bounds how many attempts it looks after at once.
    """

    inbox: DeskInbox

    async def report(self, key: str, batches: Sequence[Batch]) -> Any:
        """See `Desk.report`."""
        return self.inbox.desk.report(key, batches)

    async def beat(self, key: str, pid: int, node: str, age: float) -> Any:
        """See `Desk.beat`."""
        return await self.inbox.desk.beat(key, pid, node, age)
