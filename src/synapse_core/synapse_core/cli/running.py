"""Carrying out ``synapse run``: from what was asked for to the exit code."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from synapse_core.cli import codes
from synapse_core.cli.failing import Terminated
from synapse_core.cli.params import Wanted, read_params
from synapse_core.cli.state import State
from synapse_core.cli.target import Target, find_target
from synapse_core.cli.telling import complain, quote, say, warn
from synapse_core.errors import (
    ExecutionError,
    RunCancelledError,
    SchemaIncompatibleError,
    SynapseError,
    ValidationError,
)
from synapse_core.models import RunStatus
from synapse_core.schema import Schema

if TYPE_CHECKING:
    from synapse_core.session import Session

Display = Literal["none", "plain", "live", "json"]


@frozen
class Order:
    """What ``synapse run`` was asked for."""

    target: str
    action: str | None
    pairs: Sequence[str]
    file: str | None
    executor: str
    options: Sequence[str]
    display: Display
    store: str
    name: str | None
    strict: bool
    timeout: float | None

    @classmethod
    def of(cls, *, watch: bool | None, as_json: bool, quiet: bool, **said: Any) -> Order:
        """The order that the options mean."""
        display: Display = "json" if as_json else "none" if quiet else "plain" if watch is False else "live"
        return cls(display=display, **said)


def carry_out(state: State, order: Order) -> int:
    """Run what was asked for; the exit code.

    Raises:
        SynapseError: nothing could be run: target, params, executor or store are wrong.
        StoreError: what happened could not be stored.
    """
    with _sigterm_as_interrupt(), state.session(order.store) as session:
        target = find_target(session.pm, order.target, order.action)
        params = read_params(order.pairs, order.file, target.wanted(session.schema))
        _check(target, params, session.schema, order)
        options = read_params(order.options, None, Wanted(session.schema))
        offer = session.pm.executor(order.executor)
        check_options(offer.factory, options, order.executor)
        if offer.runs == "pipeline":
            return _run_elsewhere(offer.factory(**options), target, params, order)
        return _run_here(session, target, params, options, order)


# -- before the run -------------------------------------------------------------------------------------------


def _check(target: Target, params: Mapping[str, Any], schema: Schema, order: Order) -> None:
    """Tell all that can be told to be wrong before anything runs.

    Raises:
        ValidationError: the params do not fit.
        SchemaIncompatibleError: the pipeline's types do not fit, and that is to be an error.
    """
    if order.strict and target.graph.problems:
        raise SchemaIncompatibleError([str(problem) for problem in target.graph.problems])
    try:
        if target.spec is not None:
            schema.structure(params, target.spec.params_model, subject=f"params of {target.spec.name}", extra="forbid")
            return
        doubts = target.graph.validate_initial_params(params, schema=schema)
    except ValidationError as error:
        error.hint = error.hint or f"`synapse actions {order.target}` shows which params there are"
        raise
    for doubt in doubts:
        warn(doubt)


def check_options(factory: Any, options: Mapping[str, Any], executor: str) -> None:
    """Tell which options an executor does not know, or lacks.

    Raises:
        SynapseError: one of them.
    """
    import inspect

    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(**options)
    except TypeError as error:
        known = ", ".join(signature.parameters) or "none"
        raise SynapseError(f"executor {executor!r}: {error}", hint=f"its options are: {known}") from None


@contextlib.contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, so that nothing of a run is left running."""

    def end(_number: int, _frame: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# -- the run --------------------------------------------------------------------------------------------------


def _run_here(
    session: Session, target: Target, params: Mapping[str, Any], options: Mapping[str, Any], order: Order
) -> int:
    run_id = session.submit(
        target.graph,
        params,
        executor=order.executor,
        options=options,
        name=order.name,
        display=order.display,
        strict=order.strict,
        extra="ignore" if target.spec is None else "forbid",
    )
    try:
        progress = _wait(session, run_id, order.timeout)
    except KeyboardInterrupt as interrupt:
        return _cancel(session, run_id, codes.TERMINATED if isinstance(interrupt, Terminated) else codes.INTERRUPTED)
    except ExecutionError as error:
        _tell_failure(error)
        return codes.FAILED
    tell_result(progress.result, order.display)
    return codes.COMPLETED


def _wait(session: Session, run_id: str, timeout: float | None) -> Any:
    try:
        return session.wait(run_id, timeout)
    except ExecutionError:
        if session.progress(run_id).status.is_terminal():
            raise
    session.cancel(run_id, reason=f"it took longer than {timeout:g} s")
    return session.wait(run_id)


def _cancel(session: Session, run_id: str, code: int) -> int:
    """Cancel the run, wait until nothing of it is left, and say so; a second Ctrl-C ends its actions at once."""
    try:
        say("\ncancelling; press Ctrl-C again to end the actions at once")
        _end(session, run_id, force=False)
    except KeyboardInterrupt:
        say("\nending the actions")
        _end(session, run_id, force=True)
    status = session.progress(run_id).status
    say(f"run {run_id} {'was cancelled' if status is RunStatus.CANCELLED else f'has {status} before that'}")
    return code


def _end(session: Session, run_id: str, *, force: bool) -> None:
    session.cancel(run_id, reason="interrupted", force=force)
    with contextlib.suppress(SynapseError):
        session.wait(run_id)


def _run_elsewhere(executor: Any, target: Target, params: Mapping[str, Any], order: Order) -> int:
    """Have an executor run the whole pipeline where it lives, and wait for it."""
    run_id = executor.submit(target.graph, dict(params))
    say(f"run {run_id} was submitted to {order.executor}")
    try:
        executor.wait(run_id, **({} if order.timeout is None else {"timeout_seconds": order.timeout}))
    except ExecutionError as error:
        _tell_failure(error)
        return codes.FAILED
    tell_result(executor.get_result(run_id), order.display)
    return codes.COMPLETED


# -- after the run --------------------------------------------------------------------------------------------

_LONGEST_RESULT = 60


def tell_result(result: Any, display: Display) -> None:
    """Print the result as JSON: all of it where nothing else is shown, else the first lines of a long one."""
    import json

    if display == "json" or (result is None and display != "none"):
        return
    lines = json.dumps(result, indent=2).splitlines()
    if display != "none" and len(lines) > _LONGEST_RESULT:
        more = len(lines) - _LONGEST_RESULT
        lines = [*lines[:_LONGEST_RESULT], f"... {more} more lines; --quiet prints the whole result"]
    print("\n".join(lines))
    sys.stdout.flush()


def _tell_failure(error: ExecutionError) -> None:
    """What went wrong, with the traceback of the action's own exception."""
    complain(error.message, error.hint)
    if error.traceback and not isinstance(error, RunCancelledError):
        quote(error.traceback)
