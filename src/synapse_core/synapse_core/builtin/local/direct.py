"""`LocalExecutor`: the local executor, and the way to run one action right here, in this thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, overload

from attrs import evolve

from synapse_core.actiondef import ActionSpec, spec_of
from synapse_core.builtin.local.executor import ThreadExecutor
from synapse_core.builtin.local.recorded import Recording
from synapse_core.context import RuntimeContext
from synapse_core.errors import UnserializableError, ValidationError
from synapse_core.loggers import NoOpLogger
from synapse_core.protocols import Attempt, Call, Then
from synapse_core.schema import default_schema
from synapse_core.worker import Prepared, prepare

if TYPE_CHECKING:
    from synapse_core.builtin.memory import MemoryStore
    from synapse_core.env import PluginEnvironment
    from synapse_core.loggers import BaseLogger

__all__ = ["LocalExecutor", "UnserializableError"]


class LocalExecutor(ThreadExecutor):
    """Runs actions in this process: one at a time with `execute`, or as a pipeline's executor.

    Args:
        env: the environment that actions see, as ``ctx.env``.
        job_id: an id to track the work by, as ``ctx.job_id``.
        logger: where actions report to when they are run by `execute`; nowhere, if None.
        store: a memory store that keeps a run record, with its events, of each `execute`.
        strict: a result that does not fit its ``result_model`` is an error, not a warning.
        client: a backend client, as ``ctx.client``.
        workers: how many actions of a pipeline run at once.
    """

    def __init__(
        self,
        env: PluginEnvironment | Mapping[str, str] | None = None,
        job_id: str | None = None,
        *,
        logger: BaseLogger | None = None,
        store: MemoryStore | None = None,
        strict: bool = False,
        client: Any = None,
        workers: int | None = None,
    ) -> None:
        super().__init__(workers)
        self._env = env
        self._job_id = job_id
        self._logger = logger or _SILENT
        self._store = store
        self._strict = strict
        self._client = client
        self._ready: dict[Any, Prepared] = {}
        self._recordings: dict[Any, Recording] = {}

    def start(self, call: Call, wake: Callable[[], None], then: Then | None = None) -> Attempt:
        """Start an attempt; see `Executor.start`. What this was made with holds where the run says nothing else."""
        if self._env is None and self._job_id is None:
            return super().start(call, wake, then)
        return super().start(self._own(call), wake, None if then is None else lambda outcome: self._own(then(outcome)))

    @overload
    def _own(self, call: Call) -> Call: ...
    @overload
    def _own(self, call: Call | None) -> Call | None: ...
    def _own(self, call: Call | None) -> Call | None:
        if call is None:
            return None
        return evolve(call, env={**(self._env or {}), **call.env}, job_id=call.job_id or self._job_id)

    def execute(self, action_cls: Any, params: Mapping[str, Any] | None = None, **_kwargs: Any) -> Any:
        """Run an action in this thread and return its result.

        Args:
            action_cls: a `BaseAction` class, a decorated function, or an entry point string.
            params: what the action's params model is made from; unknown keys are errors.

        Raises:
            ValidationError: the params do not fit; every wrong field is named.
            DiscoveryError: the action cannot be loaded.
            Exception: whatever the action raises, as it is.
        """
        prepared = self._ready.get(action_cls) or self._prepare(action_cls)
        if self._store is not None:
            recording = self._recordings[action_cls]
            return recording.run(params or {}, lambda logger, run_id: self._invoke(prepared, params, logger, run_id))
        return self._invoke(prepared, params, self._logger, "")

    def _prepare(self, action_cls: Any) -> Prepared:
        spec: ActionSpec = spec_of(action_cls)
        prepared = prepare(spec, default_schema(), "forbid")
        if self._store is not None:
            self._recordings[action_cls] = Recording(self._store, spec, self._job_id)
        self._ready[action_cls] = prepared
        return prepared

    def _invoke(self, prepared: Prepared, params: Mapping[str, Any] | None, logger: BaseLogger, run_id: str) -> Any:
        structured = prepared.structure({} if params is None else params)
        ctx = RuntimeContext(logger, self._env, self._job_id, self._client, run_id=run_id)
        result = prepared.invoke(structured, ctx)
        if prepared.is_async:
            from synapse_core.builtin.local.here import run_here

            result = run_here(result)
        if prepared.check is not None:
            problem = prepared.check(result)
            if problem is not None:
                self._complain(problem)
        return result

    def _complain(self, problem: ValidationError) -> None:
        if self._strict:
            raise problem
        import warnings

        warnings.warn(str(problem), ResultWarning, stacklevel=4)


class ResultWarning(UserWarning):
    """A result that does not fit its ``result_model``."""


_SILENT = NoOpLogger()
