"""Where on a cluster its runs are kept when there is no service: a file on the head node."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from synapse_core.context import data_home
from synapse_core.protocols import Store

HEAD = "node:__internal_head__"
"""The resource by which Ray marks the head node; see the documentation of its custom resources."""


def local_store_url() -> str:
    """The URL of the file on the node that this process runs on; one for all runs."""
    return f"sqlite:///{quote(str(data_home() / 'ray' / 'runs.db'))}"


def open_store(url: str) -> Store:
    """The store that a plugin offers for the URL.

    Raises:
        NotFoundError: none does; the message says what brings it.
    """
    from synapse_core.plugins import PluginManager

    return PluginManager().store(url).factory(url)


def head_node() -> str:
    """The id of the cluster's head node, which lives as long as the cluster does.

    Raises:
        RayClusterError: no living node is marked as the head.
    """
    import ray

    from synapse_ray.errors import RayClusterError

    nodes: list[dict[str, Any]] = ray.nodes()
    heads = [node["NodeID"] for node in nodes if node["Alive"] and HEAD in node["Resources"]]
    if not heads:
        raise RayClusterError(
            "no node of the cluster is marked as its head, where runs could be kept",
            hint="have them kept by a service: `synapse serve`, and pipeline_service_url=",
        )
    return str(heads[0])
