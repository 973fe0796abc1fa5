"""`TaskExecutor`: each attempt a Ray task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from synapse_core.errors import SynapseError
from synapse_core.protocols import Call, Outcome, Then
from synapse_ray.attempts.attempt import FarAttempt
from synapse_ray.attempts.handles import TaskHandle
from synapse_ray.attempts.held import Beside, Held
from synapse_ray.attempts.tasks import made_task
from synapse_ray.attempts.watch import Watch
from synapse_ray.inbox.protocol import Inbox
from synapse_ray.worker.order import Orders

if TYPE_CHECKING:
    from synapse_ray.base import BaseRayExecutor


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
        self._orders = Orders(base.remote_call, inbox.name)
        self._tasks: dict[Any, Any] = {}
        self._preparing: dict[Any, asyncio.Future[Any]] = {}
        self._held = Held()
        self._watch = Watch(inbox, heartbeat_timeout, self._ended)

    @property
    def capacity(self) -> Mapping[str, float]:
        """``workers`` attempts at once, where that is bounded; Ray itself sees to the rest."""
        return {} if self._max_concurrency is None else {"workers": float(self._max_concurrency)}

    def start(self, call: Call, wake: Callable[[], None], then: Then | None = None) -> FarAttempt:
        """Submit an attempt; see `Executor.start`. Workers are far away, so there is no going on."""
        attempt = self._watch.attempt(call, wake)
        task, beside = self._tasks.get(_need(call)), self._held.known(call)
        if task is not None and beside is not None:
            self._submit(call, attempt, task, beside)
        elif beside is None:
            attempt.beside(self._start(call, attempt))
        else:
            self._task(call).add_done_callback(partial(self._when_ready, call, attempt, beside))
        return attempt

    def _when_ready(self, call: Call, attempt: FarAttempt, beside: Beside, done: asyncio.Future[Any]) -> None:
        if done.cancelled():
            attempt.not_started(SynapseError("the executor was closed"))
        elif isinstance(error := done.exception(), Exception):
            attempt.not_started(error)
        else:
            self._submit(call, attempt, done.result(), beside)

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
            refs = task.remote(self._orders.pack(call, beside.places), *beside.refs)
            handle = TaskHandle(*refs) if call.passes else TaskHandle(refs)
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
        return made_task(options, self._base.runtime_env(call.root), passing=call.passes)

    def _prepared(self, need: Any, done: asyncio.Future[Any]) -> None:
        del self._preparing[need]
        if not done.cancelled() and done.exception() is None:
            self._tasks[need] = done.result()

    def _ended(self, attempt: FarAttempt, _outcome: Outcome) -> None:
        if attempt.large and isinstance(attempt.handle, TaskHandle):
            self._held.keep(attempt.call.run_id, attempt.large, attempt.handle.aside)

    async def aclose(self) -> None:
        """End what still runs."""
        await self._watch.aclose()
        await self._inbox.aclose()


def _need(call: Call) -> Any:
    """What a task must be made ready for: whether its result is for others, a plugin's folder, and amounts."""
    own = call.resources
    amounts = None if own is None else (own.num_cpus, own.num_gpus, own.memory, *sorted(own.custom.items()))
    return call.passes, call.root, amounts
