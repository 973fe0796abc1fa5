"""Starting the engine of a run on the cluster: `launch`."""

from __future__ import annotations

import pickle
import time
from collections.abc import Mapping
from typing import Any

from synapse_core.errors import StoreError, StoreUnavailableError, SynapseError
from synapse_ray.errors import RayClusterError, RayConfigError
from synapse_ray.names import NAMESPACE
from synapse_ray.pipeline.orders import Order, Post, engine_name
from synapse_ray.pipeline.trouble import told

_PAUSE = 0.5
_MOST = 64_000
"""Bytes that the engine may be made with: Ray keeps more than that with the driver, which may be gone by a restart."""

_AT_ONCE = 100_000


def launch(post: Post, order: Order | None, options: Mapping[str, Any], patience: float) -> str:
    """Make the engine's actor, have it begin, and return the URL of the store, as it is on the cluster.

    Args:
        post: what the actor is made with.
        order: what it is told then.
        options: where it is to be, and in which runtime environment.
        patience: seconds until it must have begun.

    Raises:
        SynapseError: it cannot begin; nothing is left behind on the cluster.
    """
    engine = _made(post, options)
    try:
        answer = _answered(engine, order, f"the engine of run {post.run_id}", patience)
    except BaseException:
        import ray

        ray.kill(engine)
        raise
    if answer.error is not None:
        engine.heard.remote()
    return str(answer.get())


def _made(post: Post, options: Mapping[str, Any]) -> Any:
    import ray

    from synapse_ray.pipeline.engine import Engine

    if len(pickle.dumps(post)) > _MOST:
        raise RayConfigError(
            f"the environment of run {post.run_id} is too large for its engine: there is room for {_MOST} bytes",
            hint="hand large values to the actions as files",
        )
    lasting = {"lifetime": "detached", "max_restarts": -1, "max_task_retries": 0}
    named = {"name": engine_name(post.run_id), "namespace": NAMESPACE, "num_cpus": 0, "max_concurrency": _AT_ONCE}
    try:
        return ray.remote(Engine).options(**named, **lasting, **options).remote(post)
    except ValueError as error:
        raise StoreError(f"run {post.run_id} has an engine already", hint="wait for it, or cancel it") from error


def _answered(engine: Any, order: Order | None, what: str, patience: float) -> Any:
    """Its answer; it is asked again while Ray is restarting it."""
    import ray
    from ray.exceptions import GetTimeoutError

    until = time.monotonic() + patience
    while True:
        try:
            return ray.get(engine.begin.remote(order), timeout=max(until - time.monotonic(), 0.0))
        except GetTimeoutError:
            raise RayClusterError(
                f"{what} has not started within {patience:g} s",
                hint="look what the cluster waits for: `ray status`; start_timeout= says how long to wait",
            ) from None
        except Exception as error:
            found: SynapseError = told(error, what)
            if not isinstance(found, StoreUnavailableError):
                raise found from error
        time.sleep(_PAUSE)
