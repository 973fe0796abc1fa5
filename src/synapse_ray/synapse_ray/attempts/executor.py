"""`TaskExecutor`: each attempt a Ray task of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from synapse_core.errors import SynapseError
from synapse_core.pipeline.node import Resources
from synapse_core.protocols import Call, Outcome, Then
from synapse_ray.attempts.attempt import FarAttempt
from synapse_ray.attempts.handles import TaskHandle
from synapse_ray.attempts.held import Beside, Held
from synapse_ray.attempts.pace import Pace
from synapse_ray.attempts.tasks import OrderTasks
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
        self._orders = Orders(base.remote_call, inbox.name, passes=True)
        self._tasks: dict[Any, OrderTasks] = {}
        self._preparing: dict[Any, asyncio.Future[OrderTasks]] = {}
        self._pace = Pace()
        self._held = Held()
        self._watch = Watch(inbox, heartbeat_timeout, self._ended)

    @property
    def capacity(self) -> Mapping[str, float]:
        """``workers`` attempts at once, where that is bounded; Ray itself sees to the rest."""
        return {} if self._max_concurrency is None else {"workers": float(self._max_concurrency)}

    def start(self, call: Call, wake: Callable[[], None], then: Then | None = None) -> FarAttempt:
        """Submit an attempt; see `Executor.start`. Workers are far away, so there is no going on."""
        attempt = self._watch.attempt(call, wake)
        tasks, beside = self._tasks.get(_need(call)), self._held.known(call)
        if beside is None:
            attempt.beside(self._start(call, attempt))
        elif tasks is None:
            self._made_ready(call).add_done_callback(partial(self._when_ready, call, attempt, beside))
        else:
            self._pace.add(partial(self._submit, call, attempt, tasks, beside))
        return attempt

    def _when_ready(self, call: Call, attempt: FarAttempt, beside: Beside, done: asyncio.Future[OrderTasks]) -> None:
        if done.cancelled():
            attempt.not_started(SynapseError("the executor was closed"))
        elif isinstance(error := done.exception(), Exception):
            attempt.not_started(error)
        else:
            self._pace.add(partial(self._submit, call, attempt, done.result(), beside))

    async def _start(self, call: Call, attempt: FarAttempt) -> None:
        """As `start`, where something must be made ready first that may take its time."""
        try:
            tasks = await asyncio.shield(self._made_ready(call))
            beside = self._held.known(call)
            if beside is None:
                beside = await asyncio.to_thread(self._held.fetch, call)
        except Exception as error:  # noqa: BLE001  no cluster, a folder that cannot be shipped, …: the attempt's outcome
            attempt.not_started(error)
        else:
            self._submit(call, attempt, tasks, beside)

    def _submit(self, call: Call, attempt: FarAttempt, tasks: OrderTasks, beside: Beside) -> None:
        if attempt.over:  # it was told to stop before it could be started
            return
        try:
            order = self._orders.pack(call, beside.places)
            handle = tasks.submit(order, beside.refs, passes=call.passes)
        except Exception as error:  # noqa: BLE001  an action that no worker could find, a cluster that is gone
            attempt.not_started(error)
        else:
            attempt.submitted(handle)

    def _made_ready(self, call: Call) -> asyncio.Future[OrderTasks]:
        """The tasks for calls of that need, made ready once."""
        need = _need(call)
        if need not in self._preparing:
            making = asyncio.to_thread(self._ready, call.resources, call.root)
            self._preparing[need] = future = asyncio.ensure_future(making)
            future.add_done_callback(lambda done: self._prepared(need, done))
        return self._preparing[need]

    def warm(self) -> None:
        """Make ready what most calls need, while there is nothing else to do; blocks."""
        with contextlib.suppress(Exception):  # the first call meets it again, and tells
            self._ready(None, None)

    def _ready(self, resources: Resources | None, root: str | None) -> OrderTasks:
        return OrderTasks(*self._base.made_ready(root, resources))

    def _prepared(self, need: Any, done: asyncio.Future[OrderTasks]) -> None:
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
    """What tasks must be made ready for: a plugin's folder, and amounts."""
    own = call.resources
    amounts = None if own is None else (own.num_cpus, own.num_gpus, own.memory, *sorted(own.custom.items()))
    return call.root, amounts
