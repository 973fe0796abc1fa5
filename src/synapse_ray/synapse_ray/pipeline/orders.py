"""What the engine's actor is called and told: `Post`, when it is made, and `Order`, the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from synapse_core.env import PluginEnvironment


def engine_name(run_id: str) -> str:
    """The name of the actor that runs a run."""
    return f"synapse-run-{run_id}"


@frozen
class Order:
    """What a run is to be: the plan as data, its params, and the options that `Session.submit` takes."""

    plan: Mapping[str, Any]
    params: Mapping[str, Any] = field(repr=False)
    options: Mapping[str, Any] = field(factory=dict)


@frozen
class Post:
    """What the engine's actor is made with, and made with again when it is restarted.

    It must stay small: what is large would live in the memory of the driver, which may be gone by then.

    Attributes:
        run_id: the one run that it is there for.
        store: the URL of the store; None for the file on the actor's own node.
        token: what the service asks for, if it does.
        lease: seconds after which a run is taken over from an engine that is not heard of; a frozen one is ended then.
        base: how the actor's own `BaseRayExecutor` is made: what the attempts ask for.
        env: what the actions see as ``ctx.env``.
        plugins: names of modules that are plugins of the engine's session.
        work_base: the folder that holds the runs' folders.
        heartbeat: seconds until an attempt that is not heard of is given up.
    """

    run_id: str
    store: str | None = None
    token: str | None = field(default=None, repr=False)
    lease: float = 10.0
    base: Mapping[str, Any] = field(factory=dict, repr=False)
    env: PluginEnvironment = field(factory=PluginEnvironment, repr=False)
    plugins: tuple[str, ...] = ()
    work_base: str | None = None
    heartbeat: float = 60.0
