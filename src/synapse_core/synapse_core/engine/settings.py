"""What an engine is told beside the pipeline and its params: `RunSettings`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen


@frozen
class RunSettings:
    """How a run is run. Times are in seconds.

    Attributes:
        extra, strict: what unknown params keys and results that do not fit their model lead to.
        env, job_id: handed to the actions.
        hooks, local: the plugins that act in workers: by name, and as the session's `WorkerHooks`.
        work_dir: the run's folder; each action gets one of its own in it.
        grace: how long a cancelled action has before it is forced, where the executor can.
        flush: how often reports are taken from the actions that run.
        lease: how long the engine's claim on the run lives unless renewed.
        store_timeout: how long a checkpoint waits for a store that is away.
    """

    extra: Literal["ignore", "forbid"] = "ignore"
    strict: bool = False
    env: Mapping[str, str] = field(factory=dict, repr=False)
    job_id: str | None = None
    hooks: tuple[str, ...] = ()
    local: Any = None
    work_dir: str | None = None
    grace: float = 5.0
    flush: float = 0.1
    lease: float = 30.0
    store_timeout: float = 60.0
