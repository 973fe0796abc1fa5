"""One attempt of one action, from a `Call` to an `Outcome`: params structured, action run, result checked."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from synapse_core.actiondef import ActionSpec, spec_of
from synapse_core.context import CancelToken, MidwayState, RuntimeContext
from synapse_core.errors import ActionCancelled, SynapseError, ValidationError
from synapse_core.events import Kind
from synapse_core.models import Failure
from synapse_core.protocols import Call, Outcome, OutcomeStatus
from synapse_core.worker.failure import failure_of, kinds_of
from synapse_core.worker.hooks import WorkerHooks
from synapse_core.worker.large import check_whole
from synapse_core.worker.loading import loading
from synapse_core.worker.prepare import Prepared
from synapse_core.worker.reporter import Reporter


def perform(call: Call, reporter: Reporter, cancel: CancelToken, hooks: WorkerHooks) -> Outcome:
    """Run the attempt in this thread; an async action gets a loop of its own. Never raises."""
    begun = _begin(call, reporter, cancel, hooks)
    if isinstance(begun, Outcome):
        return begun
    prepared, params, ctx = begun
    try:
        body = _body(prepared, params, ctx, cancel)
        result = hooks.run(call, body) if hooks.wraps else body()
    except BaseException as error:  # noqa: BLE001  whatever an action raises is its outcome
        return _failed(error, cancel)
    return _end(call, prepared, result, reporter, hooks)


async def perform_async(call: Call, reporter: Reporter, cancel: CancelToken, hooks: WorkerHooks) -> Outcome:
    """Run the attempt of an async action on the running loop. Never raises."""
    begun = _begin(call, reporter, cancel, hooks)
    if isinstance(begun, Outcome):
        return begun
    prepared, params, ctx = begun
    try:
        result = await prepared.invoke(params, ctx)
    except BaseException as error:  # noqa: BLE001  as above; a CancelledError is how the attempt is cancelled
        return _failed(error, cancel)
    return _end(call, prepared, result, reporter, hooks)


def _begin(
    call: Call, reporter: Reporter, cancel: CancelToken, hooks: WorkerHooks
) -> tuple[Prepared, Any, RuntimeContext] | Outcome:
    """The action, its params and its context; or the outcome, where there is none to be had."""
    try:
        prepared = hooks.prepared(call.spec or spec_from(call), call.extra)
        check_whole(call)
        params = prepared.structure(call.params)
    except Exception as error:  # noqa: BLE001  a params class of the user's may raise anything
        return invalid(error)
    ctx = RuntimeContext(
        reporter,
        call.env,
        call.job_id,
        run_id=call.run_id,
        action=call.action,
        attempt=call.attempt,
        work_dir=call.work_dir,
        cancel=cancel,
        midway=MidwayState(**call.midway) if call.midway else None,
        autologs=hooks.autologs,
        inherit_env=True,
    )
    return prepared, params, ctx


def spec_from(call: Call) -> ActionSpec:
    """The spec of a call that came from another process; a worker that is kept looks for it once."""
    return _spec_at(call.entrypoint, call.root)


@lru_cache(maxsize=256)
def _spec_at(entrypoint: str, root: str | None) -> ActionSpec:
    from synapse_core.discovery import load_target

    with loading(entrypoint):
        target = load_target(entrypoint, root)
    return spec_of(target)


def _body(prepared: Prepared, params: Any, ctx: RuntimeContext, cancel: CancelToken) -> Callable[[], Any]:
    if not prepared.is_async:
        return lambda: prepared.invoke(params, ctx)
    return lambda: _run_async(prepared.invoke(params, ctx), cancel)


def _run_async(work: Any, cancel: CancelToken) -> Any:
    import asyncio

    return asyncio.run(_until_cancelled(work, cancel))


async def _until_cancelled(work: Any, cancel: CancelToken) -> Any:
    """Await ``work``, cancelling it when the token is."""
    import asyncio

    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    cancel.on_cancel(lambda: loop.call_soon_threadsafe(task.cancel))
    return await task


def _end(call: Call, prepared: Prepared, result: Any, reporter: Reporter, hooks: WorkerHooks) -> Outcome:
    """The outcome of an action that returned."""
    try:
        problem = prepared.check(result) if prepared.check is not None else None
        data = hooks.schema.unstructure(result, subject=f"the result of {call.action!r}")
    except Exception as error:  # noqa: BLE001  a result of the user's may raise anything when it is looked at
        return invalid(error)
    if problem is not None:
        if call.strict:
            return invalid(problem)
        reporter.emit(Kind.ACTION_LOG, {"level": "warning", "message": str(problem)})
    return Outcome("completed", data, hooks.schema.merged(result, data), result)


def invalid(error: Exception) -> Outcome:
    """The outcome of an attempt that could not be begun, or whose result cannot be kept."""
    failure = failure_of(error)
    if isinstance(error, SynapseError):
        # Of data that does not fit the message says all: the frames are Synapse's own, unless somebody's code raised.
        plain = isinstance(error, ValidationError) and error.__cause__ is None and error.__context__ is None
        failure = Failure(type(error).__name__, str(error), "" if plain else failure.traceback)
    return Outcome("invalid", failure=failure, value=error)


def _failed(error: BaseException, cancel: CancelToken) -> Outcome:
    import asyncio

    stopped = isinstance(error, ActionCancelled | asyncio.CancelledError | KeyboardInterrupt)
    status: OutcomeStatus = "cancelled" if stopped and cancel.reason is not None else "failed"
    return Outcome(status, failure=failure_of(error), value=error, kinds=kinds_of(error))
