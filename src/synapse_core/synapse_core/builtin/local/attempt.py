"""One attempt in this process: `ThreadAttempt`, and the loop that async actions share, `AsyncActions`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from synapse_core.context import CancelToken
from synapse_core.models import Failure
from synapse_core.protocols import Call, Outcome, Then
from synapse_core.worker import Reporter, WorkerHooks, hooks_from, perform, perform_async
from synapse_core.worker.awaited import AwaitedAttempt


class ThreadAttempt(AwaitedAttempt):
    """An attempt in a thread, or on the loop of async actions."""

    def __init__(self, call: Call, wake: Callable[[], None], then: Then | None) -> None:
        self._call = call
        self._wake = wake
        self._then = then
        self._hooks: WorkerHooks = call.local or hooks_from(call.hooks)
        self._token = CancelToken()
        super().__init__(Reporter(call.action, call.attempt, wake, self._token))

    def wants_loop(self) -> bool:
        """Whether this runs on the loop of async actions: wrappers want a thread, as they are not async."""
        spec = self._call.spec
        if spec is None or self._hooks.wraps or spec.target is None:
            return False
        try:
            return self._hooks.prepared(spec, self._call.extra).is_async
        except Exception:  # noqa: BLE001  `perform` meets the same error, and makes it the outcome
            return False

    def run(self) -> None:
        """Run in this thread, and what comes right after it."""
        while True:
            outcome = perform(self._call, self._reporter, self._token, self._hooks)
            following = self._then(outcome) if self._then is not None else None
            if following is None:
                break
            self._call = following
            self._reporter = Reporter(following.action, following.attempt, self._wake, self._token)
        self._finish(outcome)

    async def run_async(self) -> None:
        """Run on this loop."""
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        assert task is not None
        self._token.on_cancel(lambda: loop.call_soon_threadsafe(task.cancel))
        self._finish(await perform_async(self._call, self._reporter, self._token, self._hooks))

    async def cancel(self, reason: str, grace: float) -> None:
        """Ask, and wait ``grace`` seconds; a thread cannot be forced, so one that does not listen is abandoned."""
        self._token.cancel(reason)
        await asyncio.wait([self._done], timeout=grace)
        self._reporter.close()
        self._set(Outcome("abandoned", failure=Failure("Abandoned", _STILL_RUNS.format(self._call.action))))


_STILL_RUNS = (
    "{!r} was told to stop and still runs: a thread cannot be forced. "
    "Call ctx.check() or ctx.set_progress() in its loops, or run it with the executor 'process', which can"
)


class AsyncActions:
    """A thread with a loop for async actions: one that blocks it, or is held back, never holds the engine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, attempt: ThreadAttempt) -> None:
        """Run an attempt there; the thread is started with the first."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._serve, args=(self._loop,), name="synapse-async", daemon=True).start()
        self._loop.call_soon_threadsafe(self._begin, attempt)

    def _begin(self, attempt: ThreadAttempt) -> None:
        task = asyncio.ensure_future(attempt.run_async())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_forever()
        finally:
            loop.close()

    def close(self) -> None:
        """Let the thread end."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._loop = None
