"""Where this worker is: `node_id`."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=1)
def node_id() -> str:
    """Ray's id of this process's node."""
    import ray

    return str(ray.get_runtime_context().get_node_id())
