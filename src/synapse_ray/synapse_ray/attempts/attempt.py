"""One attempt on the cluster: `FarAttempt`, whatever it was started by."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from time import monotonic
from typing import Any, Protocol

from synapse_core.errors import SynapseError
from synapse_core.events import Draft
from synapse_core.models import Failure
from synapse_core.protocols import Outcome
from synapse_ray.attempts.direct import read
from synapse_ray.attempts.failures import lost, refused
from synapse_ray.attempts.replay import drafts_in
from synapse_ray.attempts.tasks import sweep_on
from synapse_ray.inbox.protocol import Beat, Inbox
from synapse_ray.worker.order import Batch, Head, Named, key_of

_QUEUED = 1.0
"""Seconds without a sign of life after which an attempt that is to stop is taken for one that waits for resources."""

_LOOKS = 8
"""In how many pieces that is waited out: a machine that stands still, worker and all, costs one of them."""

_SLACK = 0.3
"""Seconds after the grace period in which a worker ends itself, before it is ended from outside."""

_GONE = 3.0
"""Seconds until a worker that was killed must be known to be dead."""

_SWEPT = 15.0
"""Seconds that a node has to end what an attempt has left behind."""

_ARRIVE = 10.0
"""Seconds that reports which the inbox has acknowledged may take to come here."""


class Handle(Protocol):
    """What Ray gave for an attempt that was submitted.

    Attributes:
        queues: whether it may wait for resources, and can be taken out of Ray's queue then.
    """

    @property
    def queues(self) -> bool: ...

    def when_done(self, loop: asyncio.AbstractEventLoop, call: Callable[[Any], None]) -> None:
        """Have ``call`` called on ``loop`` with the packed `Head`, or with the error there is in its place."""

    def cancel(self, *, force: bool) -> None:
        """Have Ray cancel it."""


class FarAttempt:
    """An attempt that a worker of the cluster runs; an `Attempt`, `Queued`, and the `Listener` of its inbox.

    Args:
        call: names what is run.
        wake: see `Executor.start`.
        inbox: where the worker reports to.
        ended: called, on the loop, when it has, with its outcome.

    Attributes:
        key: its name, for the inbox.
        call: as given.
        handle: Ray's, once it was submitted.
        worker: what was first heard of its worker.
        last_heard: when it was heard last, on the monotonic clock.
        packed: the `Head` that its worker gave, where that says all there is to say of it.
        large: the name of what was put aside of its result, if anything was.
    """

    def __init__(
        self, call: Named, wake: Callable[[], None], inbox: Inbox, ended: Callable[[FarAttempt, Outcome], None]
    ) -> None:
        self.key = key_of(call)
        self.last_heard = monotonic()
        self.worker: Beat | None = None
        self.packed: bytes | None = None
        self.large = ""
        self.call = call
        self._wake = wake
        self._inbox = inbox
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[Outcome] = self._loop.create_future()
        self._begun: asyncio.Event | None = None  # most attempts are over before anybody asks, so these are made then
        self._changed: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[None]] | None = None
        self._lock = threading.Lock()
        self._drafts: list[Draft] = []
        self._last = 0
        self.handle: Handle | None = None
        self._reason: str | None = None
        self._given_up: str | None = None
        inbox.open(self.key, self)

    # -- its course -------------------------------------------------------------------------------------------

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._reason is not None

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._done.done()

    def submitted(self, handle: Handle) -> None:
        """Ray has it; on the loop."""
        self.handle = handle
        handle.when_done(self._loop, self._take_end)

    def not_started(self, error: Exception) -> None:
        """It could not be submitted; on the loop."""
        self._end(self._cancelled() if self.stopped else refused(error))

    def _take_end(self, result: Any) -> None:
        try:
            head = None if isinstance(result, BaseException) else Head.unpack(result)
        except Exception as error:  # noqa: BLE001  what came is none, as of a worker with another version
            head, result = None, error
        if head is None:
            self.beside(self._died(result))
            return
        self.packed = None if head.batches else result
        if head.acked > self._last:
            self.beside(self._settle(head))
        else:
            self._finish(head)

    async def _settle(self, head: Head) -> None:
        """Wait for reports that the inbox has and we do not yet."""
        until = monotonic() + _ARRIVE
        changed = self._changed = asyncio.Event()
        while head.acked > self._last and monotonic() < until:
            changed.clear()
            if head.acked > self._last:
                await _wait(changed, until - monotonic())
        self._finish(head)

    def _finish(self, head: Head) -> None:
        self.take(head.batches)
        outcome = read(head)
        self.large = head.large
        if self.stopped and outcome.status not in {"completed", "cancelled"}:
            outcome, self.packed = self._cancelled(outcome), None
        self._end(outcome)

    async def _died(self, error: BaseException) -> None:
        """There is no outcome: end what the attempt has left on its node, and take what it had reported."""
        if self.worker is not None:
            await self._sweep(kill=False)
        if self._given_up is not None:
            self._end(Outcome("died", failure=Failure("WorkerDiedError", self._given_up), kinds=("WorkerDiedError",)))
        else:
            self._end(self._cancelled() if self.stopped else lost(self.call.action, error))

    def _cancelled(self, outcome: Outcome | None = None) -> Outcome:
        traceback = outcome.failure.traceback if outcome is not None and outcome.failure else ""
        return Outcome("cancelled", failure=Failure("ActionCancelled", self._reason or "cancelled", traceback))

    def beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something of it on the loop, beside what goes on."""
        task = asyncio.ensure_future(work)
        self._tasks = self._tasks or set()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _end(self, outcome: Outcome) -> None:
        if self._done.done():
            return
        self._inbox.close(self.key)
        self._done.set_result(outcome)
        self._ended(self, outcome)

    # -- what the engine asks ---------------------------------------------------------------------------------

    async def outcome(self) -> Outcome:
        """See `Attempt.outcome`."""
        return await self._done

    async def begun(self) -> None:
        """See `Queued.begun`."""
        await self._beginning().wait()

    def _beginning(self) -> asyncio.Event:
        if self._begun is None:
            self._begun = asyncio.Event()
            self._told()
        return self._begun

    def drain(self) -> list[Draft]:
        """See `Attempt.drain`."""
        if not self._drafts:  # as of most, whenever the engine asks
            return []
        with self._lock:
            drafts, self._drafts = self._drafts, []
        return drafts

    # -- what the inbox tells ---------------------------------------------------------------------------------

    def take(self, batches: Sequence[Batch]) -> None:
        """See `Listener.take`."""
        if not batches:
            return
        with self._lock:
            fresh = [batch for batch in batches if batch[0] > self._last]
            for number, rows in fresh:
                self._drafts += drafts_in([(number, rows)])
                self._last = number
        if fresh:
            self._wake()
            self._tell()

    def heard(self, beat: Beat) -> None:
        """See `Listener.heard`."""
        self.last_heard = monotonic()
        if self.worker is None:
            self.worker = beat
            self._tell()

    def _tell(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._told)
        except RuntimeError:  # the session was closed
            self._inbox.close(self.key)

    def _told(self) -> None:
        if self._changed is not None:
            self._changed.set()
        if self._begun is not None and self.worker is not None:
            self._begun.set()

    # -- stopping ---------------------------------------------------------------------------------------------

    async def cancel(self, reason: str, grace: float) -> None:
        """Ask; the worker interrupts the action at half the grace period and ends itself after it; if not, we do."""
        if self._done.done():
            return
        self._reason = self._reason or reason
        if self.handle is None:
            self._end(self._cancelled())
            return
        try:
            if grace > 0:
                await asyncio.to_thread(self._inbox.ask_stop, self.key, reason, grace)
        except Exception:  # noqa: BLE001  the cluster is away: it is ended all the same, below
            grace = 0.0
        until = monotonic() + grace  # it has its time from when it could be told
        if self.handle.queues:
            self.beside(self._unqueue())
        if not await self._ends(until + _SLACK - monotonic()):
            await self.give_up()

    async def _unqueue(self) -> None:
        """An attempt that waits for resources is taken out of Ray's queue."""
        for _ in range(_LOOKS):
            if self._done.done() or await _wait(self._beginning(), _QUEUED / _LOOKS):
                return
        if self.handle is not None and not self._done.done():
            await asyncio.to_thread(self.handle.cancel, force=False)

    async def give_up(self, why: str | None = None) -> None:
        """End it by force, whatever its worker does.

        Args:
            why: what is told as the failure, where nobody has told it to stop.
        """
        self._given_up = None if self.stopped else why
        if self.handle is not None:
            await asyncio.to_thread(self.handle.cancel, force=True)
            if not await self._ends(_GONE) and self.worker is not None:
                await self._sweep(kill=True)
                await self._ends(_GONE)
        if not self._done.done():
            await self._died(SynapseError("it cannot be reached"))

    async def _sweep(self, *, kill: bool) -> None:
        worker = self.worker
        assert worker is not None
        try:
            swept = await asyncio.to_thread(sweep_on, worker.node, worker.pid, kill=kill)
            await asyncio.wait_for(asyncio.wrap_future(swept.future()), _SWEPT)
        except Exception:  # noqa: BLE001  the node is gone, and all on it
            return

    async def _ends(self, seconds: float) -> bool:
        await asyncio.wait([self._done], timeout=max(seconds, 0.0))
        return self._done.done()


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), max(seconds, 0.0))
    except TimeoutError:
        return False
    return True
