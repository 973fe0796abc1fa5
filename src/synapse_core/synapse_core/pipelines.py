"""Pipelines as users have them: `ActionPipeline`, with what shows and shares a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synapse_core.builtin.console import display_progress, display_progress_async
from synapse_core.context import PipelineContext, RuntimeContext
from synapse_core.errors import SchemaIncompatibleError, SynapseError
from synapse_core.pipeline import PipelineDefinition, PipelineGraph

if TYPE_CHECKING:
    from synapse_core.protocols import Store
    from synapse_core.session import Session

__all__ = [
    "ActionPipeline",
    "PipelineContext",
    "PipelineDefinition",
    "SchemaIncompatibleError",
    "display_progress",
    "display_progress_async",
]


class ActionPipeline(PipelineGraph):
    """Actions chained, to be run here or elsewhere by the same call.

    ::

        pipeline = ActionPipeline([Download, [TrainA, TrainB], Compare])
        result = pipeline.execute({"dataset": 123})
        run_id = pipeline.submit({"dataset": 123}, "process")
        result = pipeline.wait(run_id)
    """

    def execute(
        self,
        params: Mapping[str, Any] | None = None,
        ctx: RuntimeContext | None = None,
        *,
        session: Session | None = None,
        store: str | Store | None = None,
        **options: Any,
    ) -> Any:
        """Run here and return the last action's result (by name, where several are last).

        Args:
            params: the initial params.
            ctx: whose environment and job id the actions get.
            session: where to run; the default session, with its memory store, if None.
            store: where to keep the run, in a session of its own: a URL such as ``sqlite:``, or a store.
            **options: as for `Session.submit_async`: ``executor``, ``display``, ``strict`` …

        Raises:
            ExecutionError: an action failed; its own exception is the cause.
        """
        if store is not None:
            with _session_on(store, session) as own:
                return own.execute(self, params, **_told(ctx), **options)
        return _session(session).execute(self, params, **_told(ctx), **options)

    async def execute_async(
        self,
        params: Mapping[str, Any] | None = None,
        ctx: RuntimeContext | None = None,
        *,
        session: Session | None = None,
        store: str | Store | None = None,
        **options: Any,
    ) -> Any:
        """As `execute`, without blocking the running loop."""
        if store is not None:
            async with _session_on(store, session) as own:
                return await own.execute_async(self, params, **_told(ctx), **options)
        return await _session(session).execute_async(self, params, **_told(ctx), **options)

    def submit(
        self,
        params: Mapping[str, Any] | None = None,
        executor: Any = "local",
        *,
        session: Session | None = None,
        **options: Any,
    ) -> str:
        """Start a run and return its id.

        Args:
            params: the initial params.
            executor: an executor's name or an executor; or one that runs whole pipelines elsewhere, which has a
                ``submit`` of its own.
            session: where to run, unless the executor runs it elsewhere; if None the default session whose runs are
                kept (in SQLite, where that is installed).
            **options: as for `Session.submit_async`, or for the executor's ``submit``.
        """
        if hasattr(executor, "submit"):
            submitted: str = executor.submit(self, dict(params or {}), **options)
            return submitted
        return _session(session, durable=True).submit(self, params, executor=executor, **options)

    def wait(
        self, run_id: str, executor: Any = None, *, session: Session | None = None, timeout: float | None = None
    ) -> Any:
        """Wait for a run that `submit` started, and return its result.

        Raises:
            ExecutionError: it failed, or has not ended after ``timeout`` seconds.
        """
        if hasattr(executor, "get_result"):
            executor.wait(run_id, **({} if timeout is None else {"timeout_seconds": timeout}))
            return executor.get_result(run_id)
        here = _session(session, durable=True)
        here.wait(run_id, timeout)
        return here.result(run_id)


def _session(session: Session | None, *, durable: bool = False) -> Session:
    from synapse_core.session import default_session

    return session or default_session(durable=durable)


def _session_on(store: str | Store, session: Session | None) -> Session:
    from synapse_core.session import Session

    if session is not None:
        raise SynapseError("a session has a store already", hint="give either session= or store=")
    return Session(store=store)


def _told(ctx: RuntimeContext | None) -> dict[str, Any]:
    return {} if ctx is None else {"job_id": ctx.job_id, "env": ctx.env}
