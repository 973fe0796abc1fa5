"""Carrying out ``synapse run``: from what was asked for to the exit code."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from synapse_core.builtin.console.sink import JsonSink
from synapse_core.cli.along import Along
from synapse_core.cli.elsewhere import Elsewhere, see_elsewhere
from synapse_core.cli.holding import Held
from synapse_core.cli.params import Wanted, read_params
from synapse_core.cli.seeing import Display, display_of, output_for, see_through, sigterm_as_interrupt
from synapse_core.cli.state import State
from synapse_core.cli.target import Target, find_target, lasting
from synapse_core.cli.telling import warn
from synapse_core.cli.unfinished import tell_unfinished
from synapse_core.errors import SchemaIncompatibleError, SynapseError, ValidationError, unknown
from synapse_core.schema import Schema

if TYPE_CHECKING:
    from synapse_core.session import Session


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
    store: str | None
    name: str | None
    strict: bool
    timeout: float | None
    detach: bool

    @classmethod
    def of(cls, *, watch: bool | None, as_json: bool, quiet: bool, **said: Any) -> Order:
        """The order that the options mean."""
        return cls(display=display_of(watch=watch, as_json=as_json, quiet=quiet), **said)


def carry_out(state: State, order: Order) -> int:
    """Run what was asked for; the exit code.

    Raises:
        SynapseError: nothing could be run: target, params, executor or store are wrong.
        StoreError: what happened could not be stored.
    """
    with sigterm_as_interrupt(), output_for(order.display), state.session(order.store) as session:
        target = find_target(session.pm, order.target, order.action)
        wanted = target.wanted(session.schema)
        params = read_params(order.pairs, order.file, wanted, lambda read: _check(target, read, session.schema, order))
        options = read_params(order.options, None, Wanted(session.schema))
        offer = session.pm.executor(order.executor)
        check_options(offer.factory, options, order.executor)
        if offer.runs == "pipeline":
            return see_elsewhere(
                state,
                Elsewhere(offer, options, order.store),
                lambda host, run_id: host.submit(target.graph, params, run_id=run_id, **_how(target, order)),
                order.display,
                timeout=order.timeout,
                detach=order.detach,
            )
        if order.detach:
            raise SynapseError(
                f"executor {order.executor!r} runs pipelines in this process, which cannot leave them",
                hint="--detach is for those that run them elsewhere: `synapse plugins --hook synapse_executors`",
            )
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
        error.hint = error.hint or f"`{shlex.join(['synapse', 'actions', order.target])}` shows which params there are"
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
        known = list(signature.parameters)
        strange = [unknown("option", name, known) for name in options if name not in known]
        raise SynapseError(f"executor {executor!r}: {strange[0] if strange else error}") from None


# -- the run --------------------------------------------------------------------------------------------------


def _run_here(
    session: Session, target: Target, params: Mapping[str, Any], options: Mapping[str, Any], order: Order
) -> int:
    as_json = order.display == "json"
    tell_unfinished(session, lasting(order.target, order.action), order.store)
    how = {**_how(target, order), "display": "none" if as_json else order.display}
    with Held() as held:
        run_id = session.submit(target.graph, params, executor=order.executor, options=options, **how)
        shown = Along(session, run_id, JsonSink()) if as_json else None
        return see_through(
            session, run_id, order.display, timeout=order.timeout, store=order.store, shown=shown, held=held
        )


def _how(target: Target, order: Order) -> dict[str, Any]:
    """How it is run, wherever that is."""
    return {
        "name": order.name,
        "strict": order.strict,
        "extra": "ignore" if target.spec is None else "forbid",
        "target": lasting(order.target, order.action),
        "env": target.env,
    }
