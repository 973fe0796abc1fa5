"""The actions that are run, which do nothing: what is left is what running them costs.

A child process imports this module, so it imports little.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from synapse_core import action

if TYPE_CHECKING:
    from synapse_core import RuntimeContext, Session


@frozen
class Params:
    """What a no-op takes."""

    x: int = 0


def bare(params: Params) -> dict[str, Any]:
    """What the no-op does, as a function."""
    return {"x": params.x}


@action("noop", params=Params)
def noop(params: Params, _ctx: RuntimeContext) -> dict[str, Any]:
    """Take params, give a result, and nothing else."""
    return {"x": params.x}


@action("report", params=Params)
def report(params: Params, ctx: RuntimeContext) -> dict[str, Any]:
    """As `noop`, and say so."""
    ctx.set_progress(1, 1)
    return {"x": params.x}


@frozen
class Lines:
    """How much `talk` says."""

    x: int = 0
    lines: int = 0


@action("talk", params=Lines)
def talk(params: Lines, ctx: RuntimeContext) -> None:
    """Log line after line."""
    for number in range(params.lines):
        ctx.log_message(f"line {number}")


def run_through(session: Session, pipeline: Any, params: Mapping[str, Any], **options: Any) -> None:
    """Run a pipeline to its end and have its state folded, as one does who submits and waits."""
    session.wait(session.submit(pipeline, params, **options))
