"""The type of what a binding leads to, as far as the models along its path tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synapse_core.errors import PipelineError
from synapse_core.pipeline.expressions import guess
from synapse_core.pipeline.fits import list_of
from synapse_core.pipeline.plan import PlanNode
from synapse_core.schema import fields, is_model
from synapse_core.schema.kinds import Kind, classify
from synapse_core.schema.names import type_name

_LEAVES = (Kind.NONE, Kind.BOOL, Kind.INT, Kind.FLOAT, Kind.STR, Kind.CODED)


def type_at(source: PlanNode, path: Sequence[str]) -> Any:
    """The type of what ``path`` leads to in the node's result; Any where that cannot be told.

    Raises:
        PipelineError: the result's model says that there is no such thing.
    """
    said = Any if source.spec.result_model is None else source.spec.result_model
    if source.each is not None:
        said = list_of(said)
    subject = f"the result of {source.name!r}"
    for step in path:
        said = _inside(said, step, subject)
        subject = f"{subject}.{step}"
    return said


def _inside(said: Any, step: str, subject: str) -> Any:
    shape = classify(said)
    if shape.kind in (Kind.SEQUENCE, Kind.SET):
        if not step.isdecimal():
            raise PipelineError(f"{subject} is a list, whose items have numbers, so it has no {step!r}")
        return shape.args[0]
    if shape.kind is Kind.MAPPING:
        return shape.args[1]
    if shape.kind in _LEAVES:
        raise PipelineError(f"{subject} is of type {type_name(said)}, so it has no {step!r}")
    if shape.kind is not Kind.CLASS or not is_model(said):
        return Any
    known = {each.name: each.type for each in fields(said)}
    if step not in known:
        raise PipelineError(f"{subject} has no {step!r}{guess(step, known)}")
    return known[step]
