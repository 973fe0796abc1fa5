"""`AwaitedAttempt`: what attempts have in common whose end comes from another thread than the engine's."""

from __future__ import annotations

import asyncio

from synapse_core.events import Draft
from synapse_core.protocols import Outcome
from synapse_core.worker.reporter import Reporter


class AwaitedAttempt:
    """Has a reporter and an outcome; made on the engine's loop. How it is run and cancelled is up to its kinds."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[Outcome] = self._loop.create_future()

    def _finish(self, outcome: Outcome) -> None:
        """Have the loop take the outcome; from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._set, outcome)
        except RuntimeError:  # the session was closed meanwhile, and does not wait any more
            self._reporter.close()

    def _set(self, outcome: Outcome) -> None:
        if not self._done.done():
            self._done.set_result(outcome)

    async def outcome(self) -> Outcome:
        """Wait for the end; see `Attempt.outcome`."""
        return await self._done

    def drain(self) -> list[Draft]:
        """See `Attempt.drain`."""
        return self._reporter.drain()
