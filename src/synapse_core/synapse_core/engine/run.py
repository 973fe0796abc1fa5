"""One run, from its claim to its last event: `RunEngine`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from synapse_core.engine.attempt import Attempts
from synapse_core.engine.end import RunEnd
from synapse_core.engine.identity import Identities
from synapse_core.engine.lease import LeaseKeeper
from synapse_core.engine.patience import patiently, store_errors
from synapse_core.engine.recorder import Recorder
from synapse_core.engine.restore import Restored
from synapse_core.engine.scheduler import Scheduler
from synapse_core.engine.settings import RunSettings
from synapse_core.engine.sinks import Sinks
from synapse_core.errors import LeaseLostError, StoreError, StoreUnavailableError
from synapse_core.events import RUN_ENDED, Draft, Kind, now
from synapse_core.models import RunStatus
from synapse_core.pipeline import Plan
from synapse_core.protocols import Executor, Lease, Store

_ASK_AGAIN = 0.5


class RunEngine:
    """Runs one run; make it and await `run` on the same loop.

    Args:
        run_id: a run that the store has.
        plan, params: what is run, with what.
        executor: where attempts run.
        store: told all that happens.
        settings: see there.
        sinks: told what was stored.
        owner: who claims the run.
        identities: what checkpoints say of the actions.
        restored: what is known from before: of the run itself, or of the one that it resumes.
        over: a lease on the run that is known to be dead.
        lone: whether the run is all that its loop hosts now: it may have the loop wait for the store then.
    """

    def __init__(
        self,
        run_id: str,
        plan: Plan,
        params: Mapping[str, Any],
        *,
        executor: Executor,
        store: Store,
        settings: RunSettings,
        sinks: Sinks,
        owner: str,
        identities: Identities,
        restored: Restored | None = None,
        over: Lease | None = None,
        lone: Callable[[], bool] = lambda: False,
    ) -> None:
        self._run_id = run_id
        self._lone = lone
        self._store = store
        self._settings = settings
        self._recorder = Recorder(store, run_id, sinks, settings.store_timeout)
        self._attempts = Attempts(run_id, executor, self._recorder, settings, plan.max_parallel)
        self._recovers = restored is not None and restored.recovers
        self._known = restored.seq if restored is not None else 0
        self._scheduler = Scheduler(
            run_id,
            plan,
            params,
            attempts=self._attempts,
            recorder=self._recorder,
            identities=identities,
            restored=restored or Restored(),
            lone=lone,
        )
        self._lease = LeaseKeeper(store, run_id, owner, settings.lease, over)
        self._helpers: list[asyncio.Task[None]] = []
        self._broken: StoreError | None = None

    def cancel(self, reason: str = "cancelled", *, force: bool = False) -> None:
        """Stop the run: its actions have the grace period, or with ``force`` none."""
        self._scheduler.cancel(reason, 0.0 if force else self._settings.grace)

    async def claim(self) -> None:
        """Claim the run.

        Raises:
            LeaseLostError: another engine has it.
            StoreError: another engine had it, since what is restored was read.
        """
        self._recorder.lease = await patiently(self._lease.acquire, self._settings.store_timeout)
        if self._recovers:
            try:
                await self._check_unchanged()
            except BaseException:
                await self._lease.release()
                raise

    async def _check_unchanged(self) -> None:
        """Between a look at a run and its claim another engine may have come and gone; only asking is free to all."""
        since = await self._store.read(self._run_id, after=self._known)
        if any(event.kind in RUN_ENDED for event in since):
            raise StoreError(f"run {self._run_id} has ended", hint="another engine has just seen to it")
        if any(event.kind != Kind.RUN_CANCEL_REQUESTED for event in since):
            raise StoreError(f"run {self._run_id} has gone on meanwhile", hint="look at it again, and recover it then")

    async def run(self) -> RunEnd:
        """Run to the end; the run has been claimed.

        Raises:
            LeaseLostError: another engine has taken the run; this one has stopped its actions and written nothing more.
            StoreError: what happened could not be stored; the run is left as it is, and can be resumed.
        """
        self._recorder.post([Draft(Kind.RUN_RESUMED if self._recovers else Kind.RUN_STARTED, now())])
        self._help(self._attempts.pump())
        self._help(self._listen())
        renewing = asyncio.get_running_loop().call_later(self._lease.pause, lambda: self._help(self._lease.keep()))
        try:
            await self._scheduler.run()
            if self._broken is not None:
                raise self._broken
            if self._recorder.error is not None:
                raise self._recorder.error
            return await self._finish()
        finally:
            renewing.cancel()
            for task in self._helpers:
                task.cancel()
            await asyncio.gather(*self._helpers, return_exceptions=True)
            await self._lease.release()

    def _help(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` beside; where the store fails it, the run stops."""

        async def guarded() -> None:
            try:
                with store_errors():
                    await work
            except StoreError as error:
                self._break(error)

        self._helpers.append(asyncio.ensure_future(guarded()))

    def _break(self, error: StoreError) -> None:
        self._broken = self._broken or error
        if isinstance(error, LeaseLostError):
            self._recorder.error = self._recorder.error or error
        self._scheduler.cancel(str(error), self._settings.grace)

    async def _listen(self) -> None:
        """Act when somebody asks the store for a cancel; a store that is away is asked again."""
        while True:
            try:
                async for events in self._store.watch(self._run_id, kinds={Kind.RUN_CANCEL_REQUESTED}):
                    for event in events:
                        self._recorder.heard(event.seq)
                        self.cancel(event.payload.get("reason") or "cancelled", force=bool(event.payload.get("force")))
                return
            except StoreUnavailableError:
                await asyncio.sleep(_ASK_AGAIN)

    async def _finish(self) -> RunEnd:
        end = self._scheduler.end()
        payload: dict[str, Any] = {"error": end.error, "errors": list(end.errors)} if end.error else {}
        if end.status is RunStatus.COMPLETED:
            payload = {"result": self._scheduler.result()}
        await self._recorder.commit([Draft(_LAST[end.status], now(), None, 0, payload)], here=self._lone())
        return end


_LAST = {
    RunStatus.COMPLETED: Kind.RUN_COMPLETED,
    RunStatus.FAILED: Kind.RUN_FAILED,
    RunStatus.CANCELLED: Kind.RUN_CANCELLED,
}
