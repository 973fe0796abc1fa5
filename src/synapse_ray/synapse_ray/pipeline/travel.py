"""A pipeline as it can be run on a cluster: `travelling`, and the folder that goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synapse_core.errors import DiscoveryError, PipelineError
from synapse_core.pipeline import Plan, PlanNode
from synapse_core.protocols import Call

if TYPE_CHECKING:
    from synapse_ray.base import BaseRayExecutor


def travelling(plan: Plan, base: BaseRayExecutor) -> dict[str, Any]:
    """The plan as data that the cluster can load, where the plan's folder is shipped.

    Raises:
        PipelineError: an action or a function in it cannot be found by another process.
        DiscoveryError: an action stands in no folder that is shipped.
    """
    data = plan.to_data(portable=True)
    for node, said in zip(plan, data["nodes"], strict=True):
        _rewrite(node, said, base)
    return data


def _rewrite(node: PlanNode, said: dict[str, Any], base: BaseRayExecutor) -> None:
    """Name the action as the cluster finds it."""
    try:
        call = base.remote_call(Call("", node.name, 0, said["entrypoint"], {}, said.get("root")))
    except DiscoveryError as error:
        raise DiscoveryError(f"node {node.name!r}: {error.message}", hint=error.hint) from error
    said["entrypoint"] = call.entrypoint
    said.pop("root", None)
    if call.root is not None:
        said["root"] = call.root


def folder_of(plan: Plan, base: BaseRayExecutor) -> str | None:
    """The one folder that the actions stand in; None where they are all installed.

    Raises:
        PipelineError: there are several.
    """
    roots = sorted({node.spec.root for node in plan if node.spec.root is not None})
    if len(roots) > 1 and base.config.working_dir is None:
        raise PipelineError(
            f"the actions of pipeline {plan.name!r} stand in several folders: {', '.join(roots)}",
            hint="give working_dir= a folder that holds them all: one is shipped to the cluster",
        )
    return roots[0] if roots else None
