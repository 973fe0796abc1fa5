"""A plan as JSON data, and back: what is stored with a run, shown by a service and sent to a cluster.

What a node does not say is left out, so that the data stays small and reads like the pipeline that was written.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from synapse_core.actiondef import ActionSpec, import_target
from synapse_core.actiondef.target import portable as as_portable
from synapse_core.errors import DiscoveryError, PipelineError
from synapse_core.pipeline.node import Resources, Retry, When
from synapse_core.pipeline.plan import Plan, PlanNode, name_of


def _defaults(cls: type[attrs.AttrsInstance], *names: str) -> Mapping[str, Any]:
    defaults = {attribute.name: attribute.default for attribute in attrs.fields(cls)}
    return {name: defaults[name] for name in names}


_OF_PLAN = _defaults(Plan, "on_failure", "max_parallel", "strict", "description")
_OF_SPEC = _defaults(ActionSpec, "root", "description", "category", "method", "version", "plugin")
_OF_NODE = _defaults(PlanNode, "timeout", "each", "max_parallel")

Loader = Callable[[ActionSpec], Any]


def plan_to_data(plan: Plan, *, portable: bool) -> dict[str, Any]:
    """See `Plan.to_data`."""
    nodes = [_node_to_data(node, portable) for node in plan]
    return {"name": plan.name, **_said(plan, _OF_PLAN), "nodes": nodes}


def _node_to_data(node: PlanNode, portable: bool) -> dict[str, Any]:
    data: dict[str, Any] = {
        "name": node.name,
        "action": node.spec.name,
        "entrypoint": _portable(node, node.spec.entrypoint) if portable else node.spec.entrypoint,
        **_said(node.spec, _OF_SPEC),
        "needs": list(node.needs),
        **_said(node, _OF_NODE),
    }
    if node.inputs:
        data["inputs"] = dict(node.inputs)
    if node.resources is not None:
        data["resources"] = _resources_to_data(node.resources)
    if node.retry is not None:
        data["retry"] = {**attrs.asdict(node.retry), "on": list(node.retry.on)}
    if node.when is not None:
        data["when"] = _when_to_data(node, node.when, portable)
    return data


def _portable(node: PlanNode, entrypoint: str) -> str:
    try:
        return as_portable(entrypoint)
    except DiscoveryError as error:
        raise PipelineError(f"node {node.name!r}: {error.message}", hint=error.hint) from error


def _said(obj: Any, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that are not at their defaults."""
    return {name: value for name, default in defaults.items() if (value := getattr(obj, name)) != default}


def _resources_to_data(resources: Resources) -> dict[str, Any]:
    data = {name: value for name, value in attrs.asdict(resources).items() if value is not None}
    return {**data, "custom": dict(resources.custom)}


def _when_to_data(node: PlanNode, when: When, portable: bool) -> str:
    if isinstance(when, str):
        return when
    entrypoint = name_of(when)
    if portable and not _is_found(when):
        raise PipelineError(
            f"node {node.name!r}: when={entrypoint} cannot be found again by its name",
            hint="define the function at the top level of a module, or name a param: when='augment'",
        )
    return entrypoint


def _is_found(function: Any) -> bool:
    """Whether the function is what its module has under its name."""
    found: Any = sys.modules.get(getattr(function, "__module__", ""))
    for part in getattr(function, "__qualname__", "").split("."):
        found = getattr(found, part, None)
    return found is function


def load_when(node: PlanNode, entrypoint: str) -> Callable[[Mapping[str, Any]], Any]:
    """The function that a ``when`` in stored data names.

    Raises:
        PipelineError: it cannot be imported or is no function.
    """
    try:
        found = import_target(entrypoint, node.spec.root)
    except DiscoveryError as error:
        raise PipelineError(
            f"node {node.name!r}: its when={entrypoint} cannot be loaded: {error.__cause__ or error}"
        ) from error
    if not callable(found):
        raise PipelineError(f"node {node.name!r}: its when={entrypoint} is no function")
    function: Callable[[Mapping[str, Any]], Any] = found
    return function


# -- and back ---------------------------------------------------------------------------------------------------


def plan_from_data(data: Mapping[str, Any], loader: Loader | None) -> Plan:
    """See `Plan.from_data`."""
    specs: dict[tuple[Any, ...], ActionSpec] = {}  # one an action, as in the plan itself: it is looked at but once then
    try:
        nodes = tuple(
            _node_from_data(node, index, _spec(node, loader, specs)) for index, node in enumerate(data["nodes"])
        )
        return Plan(data["name"], nodes, **{name: data[name] for name in _OF_PLAN if name in data})
    except (KeyError, TypeError, AttributeError) as error:
        raise PipelineError(f"this is not a plan's data: {type(error).__name__}: {error}") from error


def _spec(data: Mapping[str, Any], loader: Loader | None, specs: dict[tuple[Any, ...], ActionSpec]) -> ActionSpec:
    said = {name: data[name] for name in _OF_SPEC if name in data}
    key = (data["action"], data["entrypoint"], *said.items())
    if key not in specs:
        specs[key] = ActionSpec(data["action"], data["entrypoint"], loader=loader, **said)
    return specs[key]


def _node_from_data(data: Mapping[str, Any], index: int, spec: ActionSpec) -> PlanNode:
    resources, retry = data.get("resources"), data.get("retry")
    return PlanNode(
        data["name"],
        index,
        spec,
        tuple(data["needs"]),
        inputs=dict(data.get("inputs", {})),
        resources=None if resources is None else Resources(**resources),
        retry=None if retry is None else Retry(**retry),
        when=data.get("when"),
        **{name: data[name] for name in _OF_NODE if name in data},
    )
