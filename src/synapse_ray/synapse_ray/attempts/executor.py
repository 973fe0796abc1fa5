"""`TaskExecutor`: each attempt a Ray task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

from synapse_core.protocols import Call, Then
from synapse_core.worker.crossing import call_data
from synapse_ray.attempts.attempt import FarAttempt
from synapse_ray.attempts.handles import TaskHandle
from synapse_ray.attempts.held import Beside, Held
from synapse_ray.attempts.tasks import order_task
from synapse_ray.inbox.protocol import Inbox
from synapse_ray.worker.order import Order

if TYPE_CHECKING:
    from synapse_ray.base import BaseRayExecutor

_SILENT = (
    "the worker of {!r} has not been heard for {:g} s (frozen, or its node or network is), and was given up; "
    "its processes there were ended as far as they could be reached"
)


class TaskExecutor:
    """Runs attempts as Ray tasks, on workers that are kept warm: an `Executor` for an engine, wherever it lives.

    Each task has the resources of its node and a runtime environment of its own. Ray's retries are off.

    Args:
        base: says how the cluster is reached, and what its workers get.
        inbox: where they report to.
        max_concurrency: how many attempts run at once; as many as the cluster has room for, if None.
        heartbeat_timeout: seconds of silence after which a worker is given up, and its attempt has died.
    """

    def __init__(
        self,
        base: BaseRayExecutor,
        inbox: Inbox,
        *,
        max_concurrency: int | None = None,
        heartbeat_timeout: float = 60.0,
    ) -> None:
        self._base = base
        self._inbox = inbox
        self._max_concurrency = max_concurrency
        self._heartbeat_timeout = heartbeat_timeout
        self._tasks: dict[Any, Any] = {}
        self._preparing: dict[Any, asyncio.Future[Any]] = {}
        self._live: set[FarAttempt] = set()
        self._held = Held()
        self._monitor: asyncio.Task[None] | None = None

    @property
    def capacity(self) -> Mapping[str, float]:
        """``workers`` attempts at once, where that is bounded; Ray itself sees to the rest."""
        return {} if self._max_concurrency is None else {"workers": float(self._max_concurrency)}

    def start(self, call: Call, wake: Callable[[], None], then: Then | None = None) -> FarAttempt:
        """Submit an attempt; see `Executor.start`. Workers are far away, so there is no going on."""
        attempt = FarAttempt(call, wake, self._inbox, self._ended)
        self._live.add(attempt)
        task = self._tasks.get(_need(call))
        beside = self._held.known(call)
        if task is not None and beside is not None:
            self._submit(call, attempt, task, beside)
        else:
            attempt.beside(self._start(call, attempt))
        if self._monitor is None or self._monitor.done():
            self._monitor = asyncio.ensure_future(self._watch())
        return attempt

    async def _start(self, call: Call, attempt: FarAttempt) -> None:
        """As `start`, where something must be made ready first that may take its time."""
        try:
            task = await asyncio.shield(self._task(call))
            beside = self._held.known(call)
            if beside is None:
                beside = await asyncio.to_thread(self._held.fetch, call)
        except Exception as error:  # noqa: BLE001  no cluster, a folder that cannot be shipped, …: the attempt's outcome
            attempt.not_started(error)
        else:
            self._submit(call, attempt, task, beside)

    def _submit(self, call: Call, attempt: FarAttempt, task: Any, beside: Beside) -> None:
        if attempt.over:  # it was told to stop before it could be started
            return
        try:
            data = call_data(self._base.remote_call(call))
            order = Order(data, attempt.key, self._inbox.name, places=beside.places)
            handle = TaskHandle(*task.remote(order.pack(), *beside.refs))
        except Exception as error:  # noqa: BLE001  an action that no worker could find, a cluster that is gone
            attempt.not_started(error)
        else:
            attempt.submitted(handle)

    def _task(self, call: Call) -> asyncio.Future[Any]:
        """The task for calls of that need, made ready once."""
        need = _need(call)
        if need not in self._preparing:
            self._preparing[need] = future = asyncio.ensure_future(asyncio.to_thread(self._prepare, call))
            future.add_done_callback(lambda done: self._prepared(need, done))
        return self._preparing[need]

    def _prepare(self, call: Call) -> Any:
        self._base.connect()
        options = self._base.options(call.resources)
        self._base.check_resources(options)
        environment = self._base.runtime_env(call.root)
        return order_task().options(num_returns=2, **options, **({"runtime_env": environment} if environment else {}))

    def _prepared(self, need: Any, done: asyncio.Future[Any]) -> None:
        del self._preparing[need]
        if not done.cancelled() and done.exception() is None:
            self._tasks[need] = done.result()

    def _ended(self, attempt: FarAttempt) -> None:
        self._live.discard(attempt)
        if attempt.large and isinstance(attempt.handle, TaskHandle):
            self._held.keep(attempt.call.run_id, attempt.large, attempt.handle.aside)

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
                    attempt.beside(attempt.give_up(self._silent(attempt)))

    def _silent(self, attempt: FarAttempt) -> str:
        return _SILENT.format(attempt.key.split("/")[-2], self._heartbeat_timeout)

    async def aclose(self) -> None:
        """End what still runs."""
        await asyncio.gather(*(attempt.cancel("the executor was closed", 0.0) for attempt in list(self._live)))
        if self._monitor is not None:
            self._monitor.cancel()
        await self._inbox.aclose()


def _need(call: Call) -> Any:
    """What a task must be made ready for: a plugin's folder, and amounts."""
    own = call.resources
    amounts = None if own is None else (own.num_cpus, own.num_gpus, own.memory, *sorted(own.custom.items()))
    return call.root, amounts
