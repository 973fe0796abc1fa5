"""Which params of a run are secret: kept with it, so that whoever shows it later need not import its actions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from synapse_core.pipeline import Plan
from synapse_core.schema import Schema


def secret_names(plan: Plan, schema: Schema) -> list[str]:
    """The names of secret fields, at any depth, of the params of a plan's actions."""
    seen: set[Any] = set()
    return sorted({name for node in plan for name in _names(node.spec.params_model, schema, seen)})


def _names(wanted: Any, schema: Schema, seen: set[Any]) -> Iterator[str]:
    for inner in get_args(wanted):
        yield from _names(inner, schema, seen)
    if not isinstance(wanted, type) or wanted in seen or not schema.is_model(wanted):
        return
    seen.add(wanted)
    for field in schema.fields(wanted):
        if field.secret:
            yield field.name
        yield from _names(field.type, schema, seen)
