"""`ProcessExecutor`: what happens in an attempt's process fails that attempt and nothing else."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import cached_property

from synapse_core.builtin.local.executor import checked_workers, local_capacity
from synapse_core.builtin.local.threads import DaemonThreads
from synapse_core.builtin.process.supervise import Supervised
from synapse_core.errors import SynapseError
from synapse_core.protocols import Call, Outcome, Then
from synapse_core.worker import Reporter
from synapse_core.worker.awaited import AwaitedAttempt


class ProcessExecutor:
    """Runs each attempt in a new process of this Python: a crash, ``os._exit`` or an out-of-memory kill fails only it.

    Cancel asks, then after the grace period terminates (SIGTERM), then kills (SIGKILL) the process and all that it
    started. What an action prints becomes log events of it.

    Args:
        workers: how many processes at once; as many as there are cores, if None.
        linger: seconds that a process may still run after its action has ended, for what is done at exit.

    Raises:
        SynapseError: one of them is no such number.
    """

    def __init__(self, workers: int | None = None, *, linger: float = 5.0) -> None:
        self._workers = checked_workers(workers, os.cpu_count() or 1)
        self._linger = _seconds(linger)
        self._threads = DaemonThreads("synapse-process")
        self._running: set[ProcessAttempt] = set()

    @cached_property
    def capacity(self) -> Mapping[str, float]:
        """The machine's cores, and ``workers`` processes at once."""
        return local_capacity(self._workers)

    def start(self, call: Call, wake: Callable[[], None], then: Then | None = None) -> ProcessAttempt:
        """Start an attempt; see `Executor.start`. Each has a process of its own, so there is no going on."""
        attempt = ProcessAttempt(call, wake, self._running, self._linger)
        self._threads.submit(attempt.run)
        return attempt

    async def aclose(self) -> None:
        """Kill what still runs."""
        await asyncio.gather(*(attempt.cancel("the executor was closed", 0.0) for attempt in list(self._running)))
        self._threads.close()


def _seconds(linger: object) -> float:
    if isinstance(linger, bool) or not isinstance(linger, int | float) or not linger >= 0:
        raise SynapseError(f"linger: expected seconds, 0 or above, got {linger!r}")
    return linger


class ProcessAttempt(AwaitedAttempt):
    """An attempt in a child process, and the thread that looks after it."""

    def __init__(self, call: Call, wake: Callable[[], None], running: set[ProcessAttempt], linger: float) -> None:
        super().__init__(Reporter(call.action, call.attempt, wake))
        self._process = Supervised(call, self._reporter, linger)
        self._running = running
        running.add(self)

    def run(self) -> None:
        """Look after the process to its end; on a thread of its own."""
        self._finish(self._process.run())

    def _set(self, outcome: Outcome) -> None:
        self._running.discard(self)
        super()._set(outcome)

    async def cancel(self, reason: str, grace: float) -> None:
        """Ask; terminate after ``grace`` seconds; kill a little later."""
        await asyncio.to_thread(self._process.ask, reason)
        for end, patience in ((self._process.terminate, grace), (self._process.kill, min(grace, 1.0))):
            if patience > 0:
                await asyncio.wait([self._done], timeout=patience)
            if self._done.done():
                return
            await asyncio.to_thread(end)
        # A pushed-back reporter would keep the supervisor from seeing the end.
        self._reporter.close()
        await asyncio.wait([self._done])
