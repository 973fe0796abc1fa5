"""What Ray runs: the functions of `worker`, as Ray's tasks."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from synapse_ray.worker.ending import sweep
from synapse_ray.worker.large import load
from synapse_ray.worker.run import run_order


@lru_cache(maxsize=1)
def order_task() -> Any:
    """`run_order` as a task: one for all actions, so that workers are reused whatever they ran before."""
    import ray

    return ray.remote(run_order)


def load_on(node: str, file: str) -> Any:
    """Start `load` on a node; the references to whether the file was there, and to what is in it."""
    import ray

    return ray.remote(load).options(**_there(node), num_returns=2, name="synapse-load").remote(file)


def sweep_on(node: str, key: str, pid: int, *, kill: bool) -> Any:
    """Start `sweep` on a node; the reference to its result."""
    import ray

    return ray.remote(sweep).options(**_there(node), name="synapse-sweep").remote(key, pid, kill)


def _there(node: str) -> dict[str, Any]:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(node, soft=False)
    return {"num_cpus": 0, "max_retries": 0, "scheduling_strategy": there}
