"""Actions as jobs of Ray's Jobs API: `RayJobsApiExecutor`.

Only HTTP to the dashboard is needed. What a job does is written down on its node, in the folder that Ray serves its
logs from (`book`), and read from there (`reading`); the job's own log is left to what the action prints.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synapse_ray.jobs_api.errors import JobNotFoundError as JobNotFoundError
    from synapse_ray.jobs_api.errors import JobSetupError as JobSetupError
    from synapse_ray.jobs_api.errors import NodeGoneError as NodeGoneError
    from synapse_ray.jobs_api.executor import RayJobsApiExecutor as RayJobsApiExecutor

__all__ = ["JobNotFoundError", "JobSetupError", "NodeGoneError", "RayJobsApiExecutor"]


def __getattr__(name: str) -> Any:
    # A job's own process imports this package too, and has no use for an executor.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "executor" if name == "RayJobsApiExecutor" else "errors"
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
