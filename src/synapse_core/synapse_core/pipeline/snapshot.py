"""The params that were known after each checkpoint, put together from what each action added: `snapshots`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve

from synapse_core.models import Checkpoint
from synapse_core.pipeline.params import ParamsView
from synapse_core.pipeline.plan import Plan


def snapshots(plan: Plan, params: Mapping[str, Any], checkpoints: Iterable[Checkpoint]) -> list[Checkpoint]:
    """The checkpoints with their ``params_snapshot``: the initial params, what its ancestors added, what it added.

    A key that two unordered actions gave different values is left out.

    Args:
        plan: the run's.
        params: its initial params.
        checkpoints: those that it has.
    """
    kept = {checkpoint.action_name: checkpoint for checkpoint in checkpoints}
    view = ParamsView(plan, params)
    found: dict[str, Mapping[str, Any]] = {}
    for node in plan:
        checkpoint = kept.get(node.name)
        if checkpoint is None:
            view.skip(node.name)
            continue
        view.done(node.name, checkpoint.result if isinstance(checkpoint.result, Mapping) else None, checkpoint.result)
        found[node.name] = view.after(node.name)
    return [evolve(c, params_snapshot=_snapshot(c, found, params)) for c in kept.values()]


def _snapshot(
    checkpoint: Checkpoint, found: Mapping[str, Mapping[str, Any]], params: Mapping[str, Any]
) -> Mapping[str, Any]:
    """That of a node; an instance has what its node has, or the initial params, and what it added."""
    node = checkpoint.action_name.partition("[")[0]
    base = found.get(node, params)
    if node == checkpoint.action_name or not isinstance(checkpoint.result, Mapping):
        return base
    return {**base, **checkpoint.result}
