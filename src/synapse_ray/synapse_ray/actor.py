"""`RayActorExecutor`: actions in one actor of a cluster that is kept."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable, Mapping
from time import monotonic
from types import TracebackType
from typing import Any, Self

from synapse_core.ids import new_run_id
from synapse_core.loggers import BaseLogger, NoOpLogger
from synapse_core.protocols import Call, Outcome, Then
from synapse_core.session.loop import LoopThread
from synapse_ray.attempts.actor import make_actor
from synapse_ray.attempts.attempt import FarAttempt
from synapse_ray.attempts.direct import Target, read, result_of
from synapse_ray.attempts.handles import ActorHandle
from synapse_ray.attempts.replay import drafts_in, replay
from synapse_ray.base import BaseRayExecutor
from synapse_ray.inbox.mailbox import MailboxInbox
from synapse_ray.worker.order import Head, Orders

_SHORT = 0.1
"""Seconds that an action runs before anybody listens to its reports: a short one brings them with its outcome."""

_FRESH = 0.05
"""Seconds since its last answer in which an actor is taken to live, and not asked."""

_LEAVES = 5.0


class RayActorExecutor(BaseRayExecutor):
    """Runs actions in a Ray actor: one at a time with `execute`, or as a pipeline's executor.

    The actor is started when it is first needed, and kept until `shutdown`: what actions keep in their modules (a model
    that was loaded, say) is there for the next one. One that died is replaced at the next call. Ctrl-C during `execute`
    cancels the action: it is asked, interrupted after half of ``grace``, and after it the actor is ended with all that
    it started.

    Args:
        logger: where actions report to when they are run by `execute`; nowhere, if None.
        strict: a result that does not fit its ``result_model`` is an error, not a warning in the log.
        grace: seconds that an action has to end after Ctrl-C.
        **config: as for `BaseRayExecutor`.
    """

    def __init__(
        self, *, logger: BaseLogger | None = None, strict: bool = False, grace: float = 5.0, **config: Any
    ) -> None:
        super().__init__(**config)
        self._logger = logger or NoOpLogger()
        self._strict = strict
        self._grace = grace
        self._one_at_a_time = threading.Lock()
        self._telling = threading.RLock()
        self._id = new_run_id()  # one call differs from the next by its number: a new id costs ten times as much
        self._count = itertools.count(1)
        self._targets: dict[Any, Target] = {}
        self._actor: Any = None
        self._root: str | None = None
        self._answered = 0.0
        self._mailbox: MailboxInbox | None = None
        self._orders: Orders | None = None
        self._loop: LoopThread | None = None
        self._turn: asyncio.Lock | None = None
        self._live: set[FarAttempt] = set()

    # -- one action -------------------------------------------------------------------------------------------

    def execute(self, action_cls: Any, params: Mapping[str, Any] | None = None, **_kwargs: Any) -> Any:
        """Run an action in the actor and return its result.

        Args:
            action_cls: a `BaseAction` class, a decorated function, or an entry point string, which only the cluster
                needs to be able to import.
            params: what the action's params model is made from; unknown keys are errors.

        Returns:
            The result: an instance of the action's ``result_model`` where it has one, else JSON data.

        Raises:
            ValidationError: the params do not fit; every wrong field is named.
            ExecutionError: the action failed; it has the type name and the traceback of the action's own exception.
            DiscoveryError: the workers cannot import the action.
            RayClusterError: the cluster cannot be reached, or has no room for the actor.
        """
        target = self._targets.get(action_cls) or self._target(action_cls)
        run_id = f"{self._id}-{next(self._count)}"
        call = target.call(run_id, params, job_id=self.config.job_id, strict=self._strict)
        with self._one_at_a_time:
            outcome = self._run(call)
        return result_of(target, outcome, run_id)

    def _target(self, action_cls: Any) -> Target:
        target = self._targets[action_cls] = Target.of(action_cls)
        return target

    def _run(self, call: Call) -> Outcome:
        actor = self._living(call.root)
        handle, attempt = ActorHandle(actor.run.remote(self._order(call)), actor), None
        try:
            packed = self._soon(handle)
            if packed is None:
                attempt = self._listening(call, handle)
                return self._looping().call(attempt.outcome())
        except KeyboardInterrupt:
            self._stop(attempt or self._listening(call, handle))
            raise
        finally:
            if attempt is not None:
                self._replay(attempt)
        self._answered = monotonic()
        head = Head.unpack(packed)
        replay(drafts_in(head.batches), self._logger)
        return read(head)

    @staticmethod
    def _soon(handle: ActorHandle) -> bytes | None:
        """What the actor says of an action that is short and goes well; None of another."""
        import ray
        from ray.exceptions import GetTimeoutError, RayError

        try:
            packed: bytes = ray.get(handle.ref, timeout=_SHORT)
        except (GetTimeoutError, RayError):
            return None
        return packed

    def _listening(self, call: Call, handle: ActorHandle) -> FarAttempt:
        """The attempt of a call that was made, with somebody who listens."""

        async def listen() -> FarAttempt:
            attempt = FarAttempt(call, lambda: self._replay(attempt), self._reports, self._ended)
            attempt.submitted(handle)
            return attempt

        self._answered = 0.0
        return self._looping().call(listen())

    def _replay(self, attempt: FarAttempt) -> None:
        with self._telling:  # the mailbox's thread and the caller's must not tell at the same time
            replay(attempt.drain(), self._logger)

    def _stop(self, attempt: FarAttempt) -> None:
        """Cancel it, and wait until it has ended; another Ctrl-C shortens that."""
        try:
            self._looping().call(attempt.cancel("interrupted", self._grace))
        except KeyboardInterrupt:
            self._looping().call(attempt.cancel("interrupted", 0.0))
            raise

    def _looping(self) -> LoopThread:
        if self._loop is None:
            self._loop = LoopThread("synapse-ray-actor")
        return self._loop

    # -- the actor --------------------------------------------------------------------------------------------

    @property
    def _reports(self) -> MailboxInbox:
        if self._mailbox is None:
            self._mailbox = MailboxInbox()
            self._orders = Orders(self.remote_call, self._mailbox.name, keeps=True)
        return self._mailbox

    def _order(self, call: Call) -> bytes:
        assert self._reports is not None  # it is told where to report
        assert self._orders is not None
        return self._orders.pack(call)

    def _living(self, root: str | None) -> Any:
        """The actor; a new one where there is none, it has died, or it was made for another plugin's folder."""
        if self._actor is not None and root == self._root:
            if monotonic() - self._answered < _FRESH or self._answers(self._actor):
                return self._actor
        elif self._actor is not None:
            self._dismiss()
        self._actor = self._made(root)
        self._root = root
        return self._actor

    @staticmethod
    def _answers(actor: Any) -> bool:
        import ray
        from ray.exceptions import RayError

        try:
            return bool(ray.get(actor.lives.remote()))
        except RayError:
            return False

    def _made(self, root: str | None) -> Any:
        options, environment = self.made_ready(root)
        return make_actor({**options, **({"runtime_env": environment} if environment else {})})

    def _dismiss(self) -> None:
        """End the actor and what was started in it."""
        import ray

        actor, self._actor = self._actor, None
        if actor is None or not ray.is_initialized():
            return
        with contextlib.suppress(Exception):  # it left, or was dead already
            ray.get(actor.leave.remote(), timeout=_LEAVES)
        with contextlib.suppress(Exception):
            ray.kill(actor)

    def shutdown(self) -> None:
        """End the actor, and free what it held; the next call starts another one."""
        with self._one_at_a_time:
            self._dismiss()
            mailbox, self._mailbox = self._mailbox, None
            loop, self._loop = self._loop, None
        if mailbox is not None:
            mailbox.end()
        if loop is not None:
            loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    # -- a pipeline's executor --------------------------------------------------------------------------------

    @property
    def capacity(self) -> Mapping[str, float]:
        """One attempt at a time."""
        return {"workers": 1.0}

    def start(self, call: Call, wake: Callable[[], None], then: Then | None = None) -> FarAttempt:
        """Start an attempt; see `Executor.start`. Those that are started before it has ended wait for their turn."""
        attempt = FarAttempt(call, wake, self._reports, self._ended)
        self._live.add(attempt)
        attempt.beside(self._take_turn(call, attempt))
        return attempt

    async def _take_turn(self, call: Call, attempt: FarAttempt) -> None:
        if self._turn is None:
            self._turn = asyncio.Lock()
        async with self._turn:
            try:
                actor = await asyncio.to_thread(self._living, call.root)
                if attempt.over:  # it was told to stop meanwhile
                    return
                handle = ActorHandle(actor.run.remote(self._order(call)), actor)
            except Exception as error:  # noqa: BLE001  no cluster, no room, nothing to ship: the attempt's outcome
                attempt.not_started(error)
            else:
                attempt.submitted(handle)
                await attempt.outcome()
                self._answered = 0.0

    def _ended(self, attempt: FarAttempt, _outcome: Outcome) -> None:
        self._live.discard(attempt)

    async def aclose(self) -> None:
        """End what still runs, and the actor."""
        await self.end_running()
        await asyncio.to_thread(self.shutdown)

    async def end_running(self) -> None:
        """End what still runs; the actor stays, where that is possible."""
        await asyncio.gather(*(attempt.cancel("the executor was closed", 0.0) for attempt in list(self._live)))
        self._turn = None  # it is bound to this loop; the next pipeline may have another


RayTaskExecutor = RayActorExecutor
"""The name that `RayActorExecutor` had before."""
