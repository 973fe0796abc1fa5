"""What an attempt takes, in Ray's words, whether any node has it, and how that node is named to Ray."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from synapse_core.pipeline.node import Resources
from synapse_ray.errors import ResourcesError

_RAY_NAMES = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}


class HasAmounts(Protocol):
    """A cluster."""

    def amounts(self) -> list[dict[str, float]]:
        """What each living node has in all, in Ray's names."""


def ray_options(resources: Resources) -> dict[str, Any]:
    """The amounts as ``.options(…)`` takes them; what is not said is left to Ray."""
    options: dict[str, Any] = {name: getattr(resources, name) for name in ("num_cpus", "num_gpus")}
    options["memory"] = None if resources.memory is None else int(resources.memory)
    options["resources"] = dict(resources.custom) or None
    return {name: value for name, value in options.items() if value is not None}


def check_resources(cluster: HasAmounts, options: Mapping[str, Any]) -> None:
    """Return if some node of the cluster could give what the options ask for.

    Raises:
        ResourcesError: none could, however long one waits.
    """
    wanted = _wanted(options)
    nodes = cluster.amounts()
    if wanted and not any(_fits(wanted, node) for node in nodes):
        raise ResourcesError(
            f"no node of the Ray cluster has {_shown(wanted)}; the most that one has: {_shown(_most(wanted, nodes))}",
            hint="ask for less (Node(resources=…), num_cpus=, num_gpus=, memory=), or add a node that has it; for a "
            "cluster that gets nodes as they are asked for, say autoscaling=True",
        )


def has_room(node: Mapping[str, float], options: Mapping[str, Any]) -> bool:
    """Whether a node has in all, in Ray's names, what a task of those options takes; one core, where they say none."""
    return _fits(_wanted({"num_cpus": 1, **options}), node)


def on_node(node_id: str) -> Any:
    """The scheduling strategy that puts a task or an actor on that node, or nowhere."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node_id, soft=False)


def _wanted(options: Mapping[str, Any]) -> dict[str, float]:
    wanted = {_RAY_NAMES[name]: float(options[name]) for name in _RAY_NAMES if options.get(name)}
    return wanted | {name: float(amount) for name, amount in (options.get("resources") or {}).items() if amount}


def _fits(wanted: Mapping[str, float], node: Mapping[str, float]) -> bool:
    return all(node.get(name, 0.0) >= amount for name, amount in wanted.items())


def _most(wanted: Mapping[str, float], nodes: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: max((node.get(name, 0.0) for node in nodes), default=0.0) for name in wanted}


def _shown(amounts: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {amount_text(name, amount)}" for name, amount in amounts.items())


def amount_text(name: str, amount: float) -> str:
    """How much, of what has that name of Ray's."""
    return f"{amount / 2**30:.1f} GiB" if name.endswith("memory") else f"{amount:g}"
