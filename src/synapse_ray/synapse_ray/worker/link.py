"""The way from a worker to an inbox: `Link`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from time import monotonic
from typing import Any

from synapse_ray.names import NAMESPACE

_SILENCE = 10.0
"""Seconds after which a message that was not answered is taken for lost."""

_PAUSE = 0.2
"""Seconds until an inbox that is not there is looked for again."""


class Link:
    """Sends messages to an actor that is found by its name, and may go and come back.

    Args:
        inbox: the actor's name.
        answered: called, from any thread, when there is an answer.
    """

    def __init__(self, inbox: str, answered: Callable[[], None]) -> None:
        self._inbox = inbox
        self._answered = answered
        self._actor: Any = None
        self._look_at = 0.0

    def send(self, method: str, *args: Any) -> Message | None:
        """Call a method of the inbox, without waiting; None where there is no inbox now."""
        actor = self._found()
        if actor is None:
            return None
        try:
            return Message(getattr(actor, method).remote(*args).future(), self._answered)
        except Exception:  # noqa: BLE001  whatever keeps a message from being sent: it is sent again
            self.lost()
            return None

    def lost(self) -> None:
        """The inbox did not answer: look for it anew, a little later."""
        self._actor = None
        self._look_at = monotonic() + _PAUSE

    def _found(self) -> Any:
        if self._actor is None and monotonic() >= self._look_at:
            import ray

            try:
                self._actor = ray.get_actor(self._inbox, namespace=NAMESPACE)
            except Exception:  # noqa: BLE001  not made yet, or gone, or the cluster's head is away
                self.lost()
        return self._actor


class Message:
    """One that is under way."""

    def __init__(self, future: Future[Any], answered: Callable[[], None]) -> None:
        self._future = future
        self._until = monotonic() + _SILENCE
        future.add_done_callback(lambda _: answered())

    @property
    def over(self) -> bool:
        """Whether there is an answer, or none is to be expected any more."""
        return self._future.done() or monotonic() > self._until

    def answer(self) -> Any:
        """The answer.

        Raises:
            Exception: it did not arrive.
        """
        return self._future.result(timeout=0)
