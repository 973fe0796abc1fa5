"""What Ray runs: the functions of `worker`, as Ray's tasks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from synapse_ray.worker.ending import sweep
from synapse_ray.worker.large import load
from synapse_ray.worker.run import run_order, run_passing


@lru_cache(maxsize=2)
def order_task(*, passing: bool) -> Any:
    """`run_passing`, or `run_order`, as a task: one for all actions, so that workers are reused whatever they ran."""
    import ray

    return ray.remote(run_passing if passing else run_order)


def made_task(options: Mapping[str, Any], runtime_env: Mapping[str, Any], *, passing: bool) -> Any:
    """`order_task`, ready for many calls: with its options, and a runtime environment where that is not empty."""
    given: dict[str, Any] = {"runtime_env": dict(runtime_env)} if runtime_env else {}
    return order_task(passing=passing).options(num_returns=1 + passing, **options, **given)


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
