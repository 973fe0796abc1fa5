"""What Ray runs: the functions of `worker`, as Ray's tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from synapse_ray.attempts.handles import TaskHandle
from synapse_ray.placing import on_node
from synapse_ray.worker.ending import sweep
from synapse_ray.worker.large import load
from synapse_ray.worker.run import run_order


@lru_cache(maxsize=1)
def order_task() -> Any:
    """`run_order` as a task: one for all actions, so that workers are reused whatever they ran before."""
    import ray

    return ray.remote(run_order)


class OrderTasks:
    """`order_task`, ready for many orders.

    Args:
        options, runtime_env: for `ray.remote`'s ``options``.
    """

    def __init__(self, options: Mapping[str, Any], runtime_env: Mapping[str, Any]) -> None:
        given: dict[str, Any] = {**options, **({"runtime_env": dict(runtime_env)} if runtime_env else {})}
        self._whole = order_task().options(**given)
        self._passing = order_task().options(num_returns=2, **given)

    def submit(self, order: bytes, refs: Sequence[Any] = (), *, passes: bool = False) -> TaskHandle:
        """Submit an order.

        Args:
            order: packed.
            refs: what travels beside it.
            passes: whether its call does.
        """
        if passes:
            return TaskHandle(*self._passing.remote(order, *refs))
        return TaskHandle(self._whole.remote(order, *refs))


def load_on(node: str, file: str) -> Any:
    """Start `load` on a node; the references to whether the file was there, and to what is in it."""
    import ray

    return ray.remote(load).options(**_there(node), num_returns=2, name="synapse-load").remote(file)


def sweep_on(node: str, pid: int, *, kill: bool) -> Any:
    """Start `sweep` on a node; the reference to its result."""
    import ray

    return ray.remote(sweep).options(**_there(node), name="synapse-sweep").remote(pid, kill)


def _there(node: str) -> dict[str, Any]:
    return {"num_cpus": 0, "max_retries": 0, "scheduling_strategy": on_node(node)}
