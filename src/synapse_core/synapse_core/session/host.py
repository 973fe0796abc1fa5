"""`Host`: the runs that a session hosts the engines of; all of it on the session's loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from attrs import define, evolve

from synapse_core.engine import RunEnd, RunEngine, RunSettings
from synapse_core.engine.sinks import Sinks
from synapse_core.errors import ExecutionError, LeaseLostError, RunCancelledError
from synapse_core.events import RUN_ENDED, Draft, Event, Kind, now
from synapse_core.fold import Folding
from synapse_core.models import PipelineProgress, RunStatus
from synapse_core.plugins import PluginManager
from synapse_core.protocols import DirectStore, Executor, Lease, Outcome, RunInfo, RunRecord, Store
from synapse_core.schema import Schema
from synapse_core.session.again import Again
from synapse_core.session.described import Described
from synapse_core.session.options import Asked
from synapse_core.session.orphans import cancel_orphan
from synapse_core.session.owner import owner_id, taken, taken_over

_REMEMBERED = 1000
"""How many runs the result objects of are kept."""

_SINKS_CLOSE = 5.0
_CLOSE = 10.0


Start = Callable[[], Coroutine[Any, Any, None]]
"""Creates a run and starts it."""


@define(eq=False)
class _Hosted:
    """A run that is hosted here: its engine, until it has ended, and how it ends."""

    engine: RunEngine | None
    end: asyncio.Task[RunEnd]

    def ended(self, task: asyncio.Task[RunEnd]) -> None:
        """Take note of the end: a run that nobody waits for must not be reported as an unseen error."""
        self.engine = None
        if not task.cancelled():
            task.exception()

    def failed_with(self) -> Outcome | None:
        """The outcome of the action that failed first."""
        end = None if not self.end.done() or self.end.exception() else self.end.result()
        return end.outcome if end else None


class Host:
    """Starts runs, waits for them, streams and cancels them; runs of other hosts in the same store too.

    Args:
        store: remembers the runs.
        pm: whose hooks are told when a run has ended.
        schema: of the session.
        again: tells what runs are resumed from.
    """

    def __init__(self, store: Store, pm: PluginManager, schema: Schema, again: Again) -> None:
        self._store = store
        self._pm = pm
        self._described = Described(schema)
        self._again = again
        self.durable = not isinstance(store, DirectStore) or store.waits
        self._starting: dict[str, asyncio.Future[None]] = {}
        self._runs: dict[str, _Hosted] = {}
        self._hosting = 0

    # -- start ------------------------------------------------------------------------------------------------

    async def begin(self, run_id: str, start: Start) -> None:
        """Await ``start()``, which creates a run and starts it; a cancel that comes meanwhile waits for it."""
        starting = self._starting[run_id] = asyncio.ensure_future(start())
        starting.add_done_callback(lambda _: self._starting.pop(run_id, None))
        await asyncio.shield(starting)

    async def create(self, info: RunInfo, asked: Asked, *, shown: bool) -> None:
        """Have the store keep a new run; if it is kept for long, or ``shown``, with the names of what is secret."""
        data = {**self._described.data(asked.plan, secrets=self.durable or shown), "name": info.name}
        created = Draft(Kind.RUN_CREATED, now(), None, 0, {**data, "params": asked.params})
        record = RunRecord(
            info.run_id,
            info.name,
            asked.params,
            data,
            created.time,
            info.work_dir,
            resumed_from=asked.options.resume_from,
            target=asked.options.target,
            options=asked.options.kept(),
        )
        taken_over = [evolve(checkpoint, run_id=info.run_id) for checkpoint in asked.checkpoints]
        await self._store.create(record, [created], taken_over)

    async def start(
        self,
        info: RunInfo,
        asked: Asked,
        *,
        executor: Executor,
        settings: RunSettings,
        sinks: Sinks,
        over: Lease | None = None,
    ) -> None:
        """Start the engine of a run that the store has; sinks are told first what happened before.

        Raises:
            LeaseLostError: another engine has it.
        """
        engine = RunEngine(
            info.run_id,
            asked.plan,
            asked.params,
            executor=executor,
            store=self._store,
            settings=settings,
            sinks=sinks,
            owner=owner_id(),
            identities=self._again.identities(asked.plan, self.durable),
            restored=asked.restored,
            over=over,
            lone=lambda: self._hosting == 1,
        )
        try:
            await self._claim(engine, info.run_id)
        except BaseException:
            await asyncio.to_thread(sinks.close, _SINKS_CLOSE)
            raise
        end = asyncio.ensure_future(self._host(engine, info, sinks))
        self._runs[info.run_id] = hosted = _Hosted(engine, end)
        self._hosting += 1
        end.add_done_callback(hosted.ended)
        end.add_done_callback(self._ended_one)
        self._forget()

    @staticmethod
    async def _claim(engine: RunEngine, run_id: str) -> None:
        try:
            await engine.claim()
        except LeaseLostError as error:
            raise taken(run_id, error) from error

    async def _host(self, engine: RunEngine, info: RunInfo, sinks: Sinks) -> RunEnd:
        """Run the engine to the run's end, and tell who wants to know."""
        try:
            end = await engine.run()
        except LeaseLostError as error:
            raise taken_over(info.run_id, error) from error
        finally:
            if sinks:
                await asyncio.to_thread(sinks.close, _SINKS_CLOSE)
        if self._pm.implements("synapse_run_finished"):
            progress = await self._store.progress(info.run_id)
            await asyncio.to_thread(self._pm.each, "synapse_run_finished", run=info, progress=progress)
        return end

    def _ended_one(self, _task: asyncio.Task[RunEnd]) -> None:
        self._hosting -= 1

    def _forget(self) -> None:
        """Let go of the oldest ended runs' results, beyond those remembered."""
        while len(self._runs) > _REMEMBERED:
            oldest = next((run_id for run_id, hosted in self._runs.items() if hosted.end.done()), None)
            if oldest is None:
                return
            del self._runs[oldest]

    # -- wait -------------------------------------------------------------------------------------------------

    async def wait(self, run_id: str, timeout: float | None = None) -> PipelineProgress:  # noqa: ASYNC109  as Session's
        """See `Session.wait`."""
        try:
            await asyncio.wait_for(self._ended(run_id), timeout)
        except TimeoutError:
            raise ExecutionError(
                f"run {run_id} has not ended after {timeout:g} s",
                run_id=run_id,
                hint="it still runs; wait or cancel it",
            ) from None
        progress = await self._store.progress(run_id)
        if progress.status is not RunStatus.COMPLETED:
            raise self._error(progress)
        return progress

    async def _ended(self, run_id: str) -> None:
        hosted = self._runs.get(run_id)
        if hosted is not None:
            await asyncio.shield(hosted.end)
            return
        async for _ in self._store.watch(run_id, kinds=RUN_ENDED):
            pass

    async def execute(self, run_id: str, start: Start) -> Any:
        """Start a run, wait for it, and give its result; see `Session.execute`."""
        await self.begin(run_id, start)
        end = await asyncio.shield(self._runs[run_id].end)
        if end.status is RunStatus.COMPLETED:
            return end.value
        raise self._error(await self._store.progress(run_id))

    async def result(self, run_id: str) -> Any:
        """See `Session.result`."""
        hosted = self._runs.get(run_id)
        if hosted is not None and hosted.end.done() and hosted.end.exception() is None:
            end = hosted.end.result()
            if end.status is RunStatus.COMPLETED:
                return end.value
        progress = await self._store.progress(run_id)
        if not progress.status.is_terminal():
            raise ExecutionError(f"run {run_id} has not ended", run_id=run_id, hint="wait for it first")
        if progress.status is not RunStatus.COMPLETED:
            raise self._error(progress)
        return progress.result

    def _error(self, progress: PipelineProgress) -> ExecutionError:
        """The error that says why a run is not completed; its cause is the action's own exception, if it is here."""
        hosted = self._runs.get(progress.run_id)
        outcome = hosted.failed_with() if hosted is not None else None
        failure = outcome.failure if outcome is not None else None
        more = f" (and {len(progress.errors) - 1} more)" if len(progress.errors) > 1 else ""
        kind = RunCancelledError if progress.status is RunStatus.CANCELLED else ExecutionError
        error = kind(
            f"run {progress.run_id} {progress.status}: {progress.error}{more}",
            error_type=failure.type if failure else "",
            traceback=failure.traceback if failure else "",
            run_id=progress.run_id,
        )
        if outcome is not None and isinstance(outcome.value, BaseException):
            error.__cause__ = outcome.value
        return error

    # -- watch and stop ---------------------------------------------------------------------------------------

    async def cancel(self, run_id: str, reason: str, force: bool) -> None:
        """See `Session.cancel`."""
        if run_id in self._starting:
            await asyncio.wait([self._starting[run_id]])
        if not (await self._store.progress(run_id)).status.is_terminal():
            payload = {"reason": reason, "force": force}
            await self._store.append(run_id, [Draft(Kind.RUN_CANCEL_REQUESTED, now(), None, 0, payload)])
            if run_id not in self._runs or self._runs[run_id].end.done():
                with contextlib.suppress(LeaseLostError):  # an engine has just claimed it, and has been asked
                    await cancel_orphan(self._store, run_id, reason)

    async def events(self, run_id: str, after: int) -> AsyncIterator[Event]:
        """See `Session.stream_events`."""
        async for events in self._store.watch(run_id, after=after):
            for event in events:
                yield event

    async def states(self, run_id: str) -> AsyncIterator[PipelineProgress]:
        """See `Session.stream_progress`."""
        now = await self._store.progress(run_id)
        yield now
        folding = Folding(now)
        async for events in self._store.watch(run_id, after=now.seq):
            for event in events:
                folding.apply(event)
            yield folding.snapshot()

    async def close(self) -> None:
        """Cancel what still runs, and wait for it a while; then by force."""
        for force in (False, True):
            running = [hosted for hosted in self._runs.values() if not hosted.end.done()]
            for hosted in running:
                if hosted.engine is not None:
                    hosted.engine.cancel("the session was closed", force=force)
            if running:
                await asyncio.wait([hosted.end for hosted in running], timeout=_CLOSE)
