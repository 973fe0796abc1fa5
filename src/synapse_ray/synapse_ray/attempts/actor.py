"""The actor that runs one action after the other: `ActionActor`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from synapse_core.builtin.process.tree import end_tree
from synapse_ray.worker.ending import marker_of
from synapse_ray.worker.run import run_order


class ActionActor:
    """Runs actions in its main thread; what they keep in their modules, and the processes they start, stay."""

    def run(self, packed: bytes) -> Any:
        """See `run_order`."""
        return run_order(packed)

    def lives(self) -> bool:
        """Whether it does: it answers, or the caller gets an error."""
        return True

    def leave(self) -> None:
        """End what actions have started, and the actor."""
        import ray

        end_tree(os.getpid(), marker_of(os.getpid()))
        ray.actor.exit_actor()


def make_actor(options: Mapping[str, Any]) -> Any:
    """Start an actor that is never restarted: whoever uses it makes another one."""
    import ray

    given = {name: value for name, value in options.items() if name != "max_retries"}
    return ray.remote(ActionActor).options(**given, max_restarts=0, max_task_retries=0).remote()
