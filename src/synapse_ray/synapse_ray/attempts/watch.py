"""The attempts that run on workers, and whether these are still heard of: `Watch`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from synapse_core.protocols import Outcome
from synapse_ray.attempts.attempt import FarAttempt
from synapse_ray.inbox.protocol import Inbox
from synapse_ray.worker.order import Named

_SILENT = (
    "the worker of {!r} has not been heard for {:g} s (frozen, or its node or network is), and was given up; "
    "its processes there were ended as far as they could be reached"
)


class Watch:
    """Makes attempts, and gives up those whose worker is silent for long; made and used on one loop.

    Args:
        inbox: where workers report to.
        heartbeat_timeout: seconds of silence after which a worker is given up, and its attempt has died.
        ended: called with each attempt that has ended, and its outcome.
    """

    def __init__(self, inbox: Inbox, heartbeat_timeout: float, ended: Callable[[FarAttempt, Outcome], None]) -> None:
        self._inbox = inbox
        self._heartbeat_timeout = heartbeat_timeout
        self._ended = ended
        self._live: set[FarAttempt] = set()
        self._monitor: asyncio.Task[None] | None = None

    def attempt(self, call: Named, wake: Callable[[], None]) -> FarAttempt:
        """A new attempt; see `FarAttempt`."""
        attempt = FarAttempt(call, wake, self._inbox, self._over)
        self._live.add(attempt)
        if self._monitor is None or self._monitor.done():
            self._monitor = asyncio.ensure_future(self._watch())
        return attempt

    def _over(self, attempt: FarAttempt, outcome: Outcome) -> None:
        self._live.discard(attempt)
        self._ended(attempt, outcome)

    async def _watch(self) -> None:
        """Give up workers that are not heard any more, as long as there are any."""
        pause = self._heartbeat_timeout / 10
        while self._live:
            before = monotonic()
            await asyncio.sleep(pause)
            frozen_here = monotonic() - before - pause
            for attempt in list(self._live):
                if frozen_here > pause:  # it is we who did not listen
                    attempt.last_heard = monotonic()
                elif attempt.worker is not None and monotonic() - attempt.last_heard > self._heartbeat_timeout:
                    attempt.beside(attempt.give_up(_SILENT.format(attempt.call.action, self._heartbeat_timeout)))

    async def aclose(self) -> None:
        """End what still runs."""
        await asyncio.gather(*(attempt.cancel("the executor was closed", 0.0) for attempt in list(self._live)))
        if self._monitor is not None:
            self._monitor.cancel()
