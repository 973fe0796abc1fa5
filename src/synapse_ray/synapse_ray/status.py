"""What there is to be known of a cluster: `look`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import frozen

from synapse_ray.base import BaseRayExecutor
from synapse_ray.names import NAMESPACE
from synapse_ray.pipeline.orders import engine_name
from synapse_ray.pipeline.place import HEAD


@frozen
class Status:
    """A cluster.

    Attributes:
        address: of its head, as other processes of the cluster reach it.
        ray, python: their versions, which are this process's too.
        nodes: each with ``id``, ``address``, ``alive``, ``head`` and ``resources`` (all that it has, by Ray's names).
        free: what of them all nobody uses, by Ray's names; memory in bytes.
        runs: the ids of the runs whose engines live there.
    """

    address: str
    ray: str
    python: str
    nodes: Sequence[Mapping[str, Any]]
    free: Mapping[str, float]
    runs: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return attrs.asdict(self)


def look(ray_address: str = "auto") -> Status:
    """The cluster at that address now.

    Raises:
        RayClusterError: it cannot be reached, or this process does not fit it.
    """
    import platform

    cluster = BaseRayExecutor(ray_address=ray_address).connect()
    import ray

    return Status(
        cluster.gcs_address,
        ray.__version__,
        platform.python_version(),
        [_node(node) for node in ray.nodes()],
        _plain(ray.available_resources()),
        _runs(),
    )


def _node(node: Mapping[str, Any]) -> dict[str, Any]:
    has = node["Resources"]
    return {
        "id": node["NodeID"],
        "address": node["NodeManagerAddress"],
        "alive": node["Alive"],
        "head": HEAD in has,
        "resources": _plain(has),
    }


def _plain(amounts: Mapping[str, float]) -> dict[str, float]:
    """Without what Ray marks nodes by."""
    return {name: value for name, value in sorted(amounts.items()) if not name.startswith("node:")}


def _runs() -> list[str]:
    from ray.util import list_named_actors

    prefix = engine_name("")
    named = [actor["name"] for actor in list_named_actors(all_namespaces=True) if actor["namespace"] == NAMESPACE]
    return sorted(name.removeprefix(prefix) for name in named if name.startswith(prefix))
