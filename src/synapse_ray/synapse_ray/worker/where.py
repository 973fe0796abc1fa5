"""Where this worker is: `node_id`; and that it was a worker who did not find an action: `sought_here`."""

from __future__ import annotations

from functools import lru_cache

from attrs import evolve

from synapse_core.protocols import Outcome

_HERE = "a worker of the cluster looked: it has what working_dir ships, what requirements.txt names, and its node's own"


@lru_cache(maxsize=1)
def node_id() -> str:
    """Ray's id of this process's node."""
    import ray

    return str(ray.get_runtime_context().get_node_id())


def sought_here(outcome: Outcome) -> Outcome:
    """The outcome; of an action that was not found, with who looked: where it was asked for, it may well be."""
    failure = outcome.failure
    if outcome.status != "invalid" or failure is None or failure.type != "DiscoveryError":
        return outcome
    link = "; " if "\n  hint: " in failure.message else "\n  hint: "
    return evolve(outcome, failure=evolve(failure, message=f"{failure.message}{link}{_HERE}"))
