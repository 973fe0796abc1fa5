"""`Session`: ties plugins, store, executors and engine together; the way in from sync and async code."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from attrs import evolve

from synapse_core.context import data_home
from synapse_core.engine import RunSettings
from synapse_core.engine.resume import ResumePlan
from synapse_core.engine.sinks import Sinks
from synapse_core.env import PluginEnvironment
from synapse_core.errors import PluginError, SynapseError
from synapse_core.events import Event
from synapse_core.ids import new_run_id
from synapse_core.models import PipelineProgress
from synapse_core.pipeline import as_graph
from synapse_core.plugins import PluginInfo, PluginManager
from synapse_core.protocols import Executor, RunInfo, Store
from synapse_core.schema import Schema
from synapse_core.session.again import Again, Unfinished
from synapse_core.session.host import Host, Start
from synapse_core.session.loop import LoopThread
from synapse_core.session.options import Asked, RunOptions, initial_params
from synapse_core.session.stores import default_store
from synapse_core.worker import WorkerHooks, check_not_loading

T = TypeVar("T")

_CALLER = "the caller"
"""Who brought the sinks that are no plugin's."""


class Session:
    """Runs pipelines: holds the plugins, a store, the executors, and one thread with one loop that hosts the engines.

    Safe to use from several threads, and from inside a running loop (by the ``_async`` methods; the others block).
    Use it as a context manager, or `close` it.

    Args:
        store: a store's URL (``memory:``, ``sqlite:///runs.db``) or a store; None for the default one, which is
            ``SYNAPSE_STORE``, else SQLite in the user's data folder where that is installed, else memory.
        plugins: further plugins: objects, module names, or files.
        block: names of plugins that are not to be loaded.
        env: the environment that actions see, as ``ctx.env``.
        entry_points: whether installed plugins are loaded.
        work_base: the folder that holds the runs' folders; ``runs`` in the user's data folder if None.
        lease: seconds after which another may take over a run whose engine has not been heard of.
    """

    def __init__(
        self,
        *,
        store: str | Store | None = "memory:",
        plugins: Iterable[object] = (),
        block: Iterable[str] = (),
        env: PluginEnvironment | Mapping[str, str] | None = None,
        entry_points: bool = True,
        work_base: str | os.PathLike[str] | None = None,
        lease: float = 30.0,
    ) -> None:
        self.pm = PluginManager(plugins=plugins, block=block, entry_points=entry_points)
        self.schema = Schema(self.pm.adapters(), self.pm.converters())
        if store is None:
            store = default_store(self.pm)
        self.store: Store = self.pm.store(store).factory(store) if isinstance(store, str) else store
        self._owns_store = isinstance(store, str)
        self._env = dict(env) if env is not None else {}
        self._work_base = os.fspath(work_base) if work_base else str(data_home() / "runs")
        self._hooks = WorkerHooks(self.pm.worker_plugins(), self.schema)
        self._executors: dict[tuple[str, str], Executor] = {}
        self._lock = threading.Lock()
        self._loop = LoopThread("synapse-session")
        self._again = Again(self.store, self.schema)
        self._host = Host(self.store, self.pm, self.schema, self._again)
        self._lease = lease
        self._closed = False

    # -- run --------------------------------------------------------------------------------------------------

    def submit(self, pipeline: Any, params: Mapping[str, Any] | None = None, **options: Any) -> str:
        """Start a run and return its id, without waiting for it.

        Args:
            pipeline: an `ActionPipeline`, a `PipelineDefinition`, or a list of actions.
            params: the initial params.
            **options: see `RunOptions`.

        Raises:
            PipelineError: the pipeline cannot be built, or is not what it was when the run to resume was run.
            ValidationError: the initial params do not survive JSON.
            NotFoundError: there is no such executor, no run to resume, or nothing to resume from.
        """
        info, start = self._prepare(pipeline, params, options)
        try:
            self._loop.call(self._host.begin(info.run_id, start))
        except KeyboardInterrupt:
            self.interrupt(info.run_id)
            raise
        return info.run_id

    async def submit_async(self, pipeline: Any, params: Mapping[str, Any] | None = None, **options: Any) -> str:
        """As `submit`."""
        info, start = await asyncio.to_thread(self._prepare, pipeline, params, options)
        await self._loop.run(self._host.begin(info.run_id, start))
        return info.run_id

    def plan_resume(self, pipeline: Any, params: Mapping[str, Any] | None = None, **options: Any) -> ResumePlan | None:
        """What a resume would reuse and what it would run, action by action, and why; it runs nothing.

        Args:
            pipeline: as for `submit`.
            params: as for `submit`.
            **options: as for `submit`; ``resume_from`` must be among them.
        """
        return self._loop.call(self._again.compare(self._asked(pipeline, params, options)))[1]

    def _asked(self, pipeline: Any, params: Mapping[str, Any] | None, options: Mapping[str, Any]) -> Asked:
        chosen = RunOptions.given(options)
        plan = as_graph(pipeline, name=chosen.name).plan
        return Asked(plan, initial_params(params, self.schema), chosen)

    def _prepare(
        self, pipeline: Any, params: Mapping[str, Any] | None, options: Mapping[str, Any]
    ) -> tuple[RunInfo, Start]:
        """All that can be done of a start in the caller's thread, and what is left to do on the session's loop."""
        check_not_loading()
        self._loop.check()
        asked = self._asked(pipeline, params, options)
        executor = self._executor(asked.options)
        if asked.options.resume_from is not None:
            asked = self._loop.call(self._again.resumed(asked))
        info = self._info(asked.options.run_id or new_run_id(), asked)
        return info, self._begin(info, asked, executor)

    def _info(self, run_id: str, asked: Asked) -> RunInfo:
        actions = tuple(node.name for node in asked.plan.nodes)
        work_dir = str(Path(self._work_base) / run_id)
        name = asked.options.name or asked.plan.name
        return RunInfo(run_id, name, actions, asked.params, work_dir, asked.options.display)

    def _begin(self, info: RunInfo, asked: Asked, executor: Executor) -> Start:
        """Ask the plugins, here, and give what creates and starts the run."""
        told = self._told(info, asked)

        async def begin() -> None:
            try:
                await self._host.create(info, asked, shown=bool(told))
            except BaseException:
                await asyncio.to_thread(told.close, 0.0)
                raise
            await self._host.start(info, asked, executor=executor, settings=self._settings(info, asked), sinks=told)

        return begin

    def _told(self, info: RunInfo, asked: Asked) -> Sinks:
        given = [*self.pm.sinks(info), *((_CALLER, sink) for sink in asked.options.sinks)]
        told = Sinks(given, info.run_id, self._sink_failed)
        self.pm.each("synapse_run_started", run=info)
        return told

    def _sink_failed(self, plugin: str, error: PluginError) -> None:
        self.pm.report(PluginInfo(_CALLER) if plugin == _CALLER else plugin, error, "synapse_sinks")

    def _settings(self, info: RunInfo, asked: Asked) -> RunSettings:
        options = asked.options
        return RunSettings(
            extra=options.extra,
            strict=options.strict,
            env={**self._env, **(options.env or {})},
            job_id=options.job_id,
            hooks=self.pm.worker_hooks(),
            local=self._hooks,
            work_dir=info.work_dir,
            grace=options.grace,
            lease=self._lease,
        )

    def _executor(self, options: RunOptions) -> Executor:
        if not isinstance(options.executor, str):
            return options.executor
        key = (options.executor, repr(sorted(options.options.items())))
        with self._lock:
            if key not in self._executors:
                offer = self.pm.executor(options.executor)
                if offer.runs == "pipeline":
                    raise SynapseError(
                        f"executor {offer.name!r} runs whole pipelines elsewhere, not the actions of this session",
                        hint="submit to it: pipeline.submit(params, the executor), or `synapse run … --executor`",
                    )
                self._executors[key] = offer.factory(**options.options)
            return self._executors[key]

    # -- go on ------------------------------------------------------------------------------------------------

    @property
    def durable(self) -> bool:
        """Whether runs outlive this process."""
        return self._host.durable

    def unfinished(self, run_ids: Iterable[str] | None = None) -> list[Unfinished]:
        """The runs of the store that have not ended, each with why it is not to be recovered here, if it is not.

        Args:
            run_ids: look at these runs only; telling why means importing their actions.
        """
        return self._loop.call(self._again.unfinished(run_ids))

    def recover(self, run_id: str, **options: Any) -> str:
        """Go on with a run whose engine died: what it has completed stays, what was running is attempted again.

        Args:
            run_id: the run.
            **options: ``display``, ``sinks``, ``env``, and ``executor`` where the run had one that has no name.

        Raises:
            RunNotFoundError: there is no such run.
            StoreError: it has ended, its engine lives, or what it has completed has changed.
        """
        record, asked, dead = self._loop.call(self._again.recovery(run_id, **options))
        known = asked.restored.seq if asked.restored else 0
        info = evolve(self._info(run_id, asked), name=record.name, work_dir=record.work_dir, known=known)
        executor, settings, told = self._executor(asked.options), self._settings(info, asked), self._told(info, asked)
        self._loop.call(self._host.start(info, asked, executor=executor, settings=settings, sinks=told, over=dead))
        return run_id

    # -- wait -------------------------------------------------------------------------------------------------

    def wait(self, run_id: str, timeout: float | None = None) -> PipelineProgress:
        """Wait until the run has ended, and return its final state.

        Raises:
            ExecutionError: it failed, or has not ended after ``timeout`` seconds.
            RunCancelledError: it was cancelled.
            StoreError: what happened could not be stored.
        """
        return self._loop.call(self._host.wait(run_id, timeout))

    async def wait_async(self, run_id: str, timeout: float | None = None) -> PipelineProgress:  # noqa: ASYNC109  as `wait`
        """As `wait`."""
        return await self._loop.run(self._host.wait(run_id, timeout))

    def result(self, run_id: str) -> Any:
        """The result of a run that has completed: the last action's; by name, where several are last.

        Where the run was run by this session in this process it is the object itself, else JSON data.

        Raises:
            ExecutionError: the run has not completed.
        """
        return self._loop.call(self._host.result(run_id))

    async def result_async(self, run_id: str) -> Any:
        """As `result`."""
        return await self._loop.run(self._host.result(run_id))

    def execute(self, pipeline: Any, params: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Run a pipeline, wait for it, and return its result.

        Ctrl-C cancels the run, giving its actions their grace period; a second one ends them at once.

        Raises:
            ExecutionError: as `wait`; else as `submit`.
        """
        info, start = self._prepare(pipeline, params, options)
        try:
            return self._loop.call(self._host.execute(info.run_id, start))
        except KeyboardInterrupt:
            self.interrupt(info.run_id)
            raise

    async def execute_async(self, pipeline: Any, params: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """As `execute`; cancelling the awaiting task cancels the run."""
        info, start = await asyncio.to_thread(self._prepare, pipeline, params, options)
        try:
            return await self._loop.run(self._host.execute(info.run_id, start))
        except asyncio.CancelledError:
            with contextlib.suppress(SynapseError):
                await self.cancel_async(info.run_id)
            raise

    def interrupt(self, run_id: str) -> None:
        """Cancel a run as Ctrl-C does, and wait until nothing of it runs; a further Ctrl-C forces that."""
        try:
            self._settle(run_id, force=False)
        except KeyboardInterrupt:
            self._settle(run_id, force=True)

    def _settle(self, run_id: str, *, force: bool) -> None:
        with contextlib.suppress(SynapseError):
            self.cancel(run_id, reason="interrupted", force=force)
            self.wait(run_id)

    # -- watch and stop ---------------------------------------------------------------------------------------

    def progress(self, run_id: str) -> PipelineProgress:
        """The run's state now."""
        return self._loop.call(self.store.progress(run_id))

    async def progress_async(self, run_id: str) -> PipelineProgress:
        """As `progress`."""
        return await self._loop.run(self.store.progress(run_id))

    def cancel(self, run_id: str, *, reason: str = "cancelled", force: bool = False) -> None:
        """Ask for the run's end; whoever runs it acts within a second. A run that has ended stays as it is.

        Args:
            run_id: the run.
            reason: why, for those who read of it later.
            force: leave its actions no grace period.
        """
        self._loop.call(self._host.cancel(run_id, reason, force))

    async def cancel_async(self, run_id: str, *, reason: str = "cancelled", force: bool = False) -> None:
        """As `cancel`."""
        await self._loop.run(self._host.cancel(run_id, reason, force))

    def stream_events(self, run_id: str, after: int = 0) -> Iterator[Event]:
        """Every event of the run from ``after`` on, as they come, to its last."""
        return self._loop.iterate(self._host.events(run_id, after))

    def stream_events_async(self, run_id: str, after: int = 0) -> AsyncIterator[Event]:
        """As `stream_events`."""
        return self._loop.iterate_async(self._host.events(run_id, after))

    def stream_progress(self, run_id: str) -> Iterator[PipelineProgress]:
        """The run's state now, and again when it has changed, to its last; who is slow skips states."""
        return self._loop.iterate(self._host.states(run_id))

    def stream_progress_async(self, run_id: str) -> AsyncIterator[PipelineProgress]:
        """As `stream_progress`."""
        return self._loop.iterate_async(self._host.states(run_id))

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine (of the store's, say) on the session's loop, from sync code."""
        return self._loop.call(work)

    # -- close ------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Cancel what still runs, and let go of threads, executors and the store."""
        if self._closed or self._loop.is_foreign:
            return
        self._closed = True
        try:
            self._loop.call(self._shut_down())
        finally:
            self._loop.close()

    async def aclose(self) -> None:
        """As `close`."""
        await asyncio.to_thread(self.close)

    async def _shut_down(self) -> None:
        await self._host.close()
        for executor in self._executors.values():
            await executor.aclose()
        if self._owns_store:
            await self.store.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
