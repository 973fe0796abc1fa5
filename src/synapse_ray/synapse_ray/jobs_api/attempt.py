"""`JobAttempt`: an attempt that is a job of Ray's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from synapse_core.context import CancelToken
from synapse_core.events import Draft
from synapse_core.protocols import Call, Outcome
from synapse_core.worker import Reporter
from synapse_ray.jobs_api.dashboard import Dashboard
from synapse_ray.jobs_api.following import Following


class JobAttempt:
    """An attempt in a job, and the thread that looks after it. It outlives this process; `find` gets it back.

    Args:
        call: the call.
        dashboard, job_id: whose job it is, and its id.
        submit: submits it; None for one that was found again.
        wake: see `Executor.start`.
        ended: called, on the loop, when it has ended.
        patience: seconds without a sign of life until it is given up.
    """

    def __init__(
        self,
        call: Call,
        dashboard: Dashboard,
        job_id: str,
        *,
        submit: Callable[[], None] | None,
        wake: Callable[[], None],
        ended: Callable[[JobAttempt], None],
        patience: float,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[Outcome] = self._loop.create_future()
        self._began = asyncio.Event()
        self._ended = ended
        token = CancelToken()
        self._reporter = Reporter(call.action, call.attempt, wake, token)
        self._following = Following(
            dashboard,
            job_id,
            submit=submit,
            reporter=self._reporter,
            token=token,
            began=self._has_begun,
            patience=patience,
        )

    def run(self) -> None:
        """Look after the job to its end; on a thread of its own."""
        outcome = self._following.run()
        try:
            self._loop.call_soon_threadsafe(self._set, outcome)
        except RuntimeError:  # the session was closed, and does not wait any more
            self._reporter.close()

    def _has_begun(self) -> None:
        self._loop.call_soon_threadsafe(self._began.set)

    def _set(self, outcome: Outcome) -> None:
        self._ended(self)
        if not self._done.done():
            self._done.set_result(outcome)

    async def outcome(self) -> Outcome:
        """Wait for the end; see `Attempt.outcome`."""
        return await asyncio.shield(self._done)

    async def begun(self) -> None:
        """Wait until the action's process runs; see `Queued`."""
        await self._began.wait()

    def drain(self) -> list[Draft]:
        """See `Attempt.drain`."""
        return self._reporter.drain()

    async def cancel(self, reason: str, grace: float) -> None:
        """Ask the action; after ``grace`` seconds have its processes ended, by Ray if they do not end by themselves."""
        if not self._done.done():
            self._following.ask(reason, grace)
            await asyncio.wait([self._done])
