"""`ThreadExecutor`: actions in threads of this process, async ones on a loop of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from synapse_core.builtin.local.threads import DaemonThreads
from synapse_core.errors import SynapseError
from synapse_core.protocols import Attempt, Call, Then

if TYPE_CHECKING:
    from synapse_core.builtin.local.attempt import AsyncActions
    from synapse_core.builtin.process.executor import ProcessExecutor


class ThreadExecutor:
    """Runs attempts in daemon threads of this process.

    It cannot force an action to stop: one that does not listen is left behind, and said to be. One that is declared
    ``hard`` has a process of its own, as the executor ``process`` gives to all.

    Args:
        workers: how many attempts run at once; as `concurrent.futures` chooses, if None.

    Raises:
        SynapseError: ``workers`` is no whole number of 1 or above.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = checked_workers(workers, min(32, (os.cpu_count() or 1) + 4))
        self._threads = DaemonThreads("synapse-action")

    @cached_property
    def capacity(self) -> Mapping[str, float]:
        """The machine's cores, and ``workers`` attempts at once."""
        return local_capacity(self._workers)

    def start(self, call: Call, wake: Callable[[], None], then: Then | None = None) -> Attempt:
        """Start an attempt; see `Executor.start`."""
        if call.stop == "hard":
            return self._processes.start(call, wake)
        from synapse_core.builtin.local.attempt import ThreadAttempt  # with asyncio, which nobody needs before this

        attempt = ThreadAttempt(call, wake, then)
        if attempt.wants_loop():
            self._async.start(attempt)
        else:
            self._threads.submit(attempt.run)
        return attempt

    async def aclose(self) -> None:
        """Let the threads end."""
        self._threads.close()
        self._async.close()
        if "_processes" in vars(self):
            await self._processes.aclose()

    @cached_property
    def _async(self) -> AsyncActions:
        from synapse_core.builtin.local.attempt import AsyncActions

        return AsyncActions()

    @cached_property
    def _processes(self) -> ProcessExecutor:
        from synapse_core.builtin.process.executor import ProcessExecutor

        return ProcessExecutor(self._workers)


def checked_workers(workers: int | None, default: int) -> int:
    """How many attempts run at once.

    Raises:
        SynapseError: it is no whole number of 1 or above, and not None.
    """
    if workers is None:
        return default
    if type(workers) is not int or workers < 1:
        raise SynapseError(f"workers: expected a whole number of 1 or above, got {workers!r}")
    return workers


def local_capacity(workers: int) -> Mapping[str, float]:
    """What this machine has to give to attempts that say what they need."""
    cores = float(os.cpu_count() or 1)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    capacity = {"workers": float(workers), "num_cpus": cores}
    if visible is not None:
        capacity["num_gpus"] = float(len([device for device in visible.split(",") if device.strip() not in {"", "-1"}]))
    return capacity
