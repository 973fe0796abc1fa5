"""The runtime environment that Ray is asked to make on a worker, out of a `RayConfig`."""

from __future__ import annotations

from typing import Any

from synapse_ray.config import RayConfig
from synapse_ray.environ import WorkerEnviron


def runtime_env(config: RayConfig, environ: WorkerEnviron) -> dict[str, Any]:
    """What ``.options(runtime_env=…)`` is given; empty where nothing is asked for."""
    made: dict[str, Any] = dict(config.runtime_env)
    env_vars = {**environ.public, **config.runtime_env.get("env_vars", {})}
    if env_vars:
        made["env_vars"] = env_vars
    return made
