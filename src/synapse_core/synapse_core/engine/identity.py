"""What tells whether a result may be reused: the action's entry point, its version, and the inputs it was given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from attrs import define, field

from synapse_core.actiondef import ActionSpec
from synapse_core.actiondef.target import portable
from synapse_core.engine.job import Job
from synapse_core.errors import DiscoveryError
from synapse_core.events import Draft, Kind, now
from synapse_core.models import ActionStatus, Checkpoint
from synapse_core.pipeline import PlanNode
from synapse_core.protocols import Outcome
from synapse_core.schema import Schema, inputs_hash


@define
class Identities:
    """Tells identities, each worked out once; and writes them into checkpoints.

    Attributes:
        schema: tells the fields of params models.
        version_of: tells an action's version.
        secrets: tells, when it is first asked, the names of the params that a model of the plan says are secret.
    """

    schema: Schema
    version_of: Callable[[ActionSpec], str]
    secrets: Callable[[], Collection[str]] = tuple
    _actions: dict[str, tuple[str, str]] = field(factory=dict, init=False)
    _known: dict[type, frozenset[str]] = field(factory=dict, init=False)
    _named: Collection[str] | None = field(default=None, init=False)

    def inputs(self, node: PlanNode, params: Mapping[str, Any]) -> str:
        """The hash of the params that the node's action knows; of all, where it has no model; but for secrets."""
        known = self.known(node)
        if known is not None:
            return inputs_hash({key: value for key, value in params.items() if key in known})
        secrets = self._secrets
        return inputs_hash({key: params[key] for key in params if key not in secrets} if secrets else params)

    def counts(self, node: PlanNode, key: str) -> bool:
        """Whether the node's action knows the param, and it is no secret."""
        known = self.known(node)
        return key not in self._secrets if known is None else key in known

    @property
    def _secrets(self) -> Collection[str]:
        if self._named is None:
            self._named = self.secrets()
        return self._named

    def known(self, node: PlanNode) -> frozenset[str] | None:
        """The params that the node's action knows, but for secrets; None where it has no model and takes all."""
        model = node.spec.params_model
        if model is None:
            return None
        if model not in self._known:
            self._known[model] = self._names(model)
        return self._known[model]

    def _names(self, model: type) -> frozenset[str]:
        return self.schema.names(model) - {each.name for each in self.schema.fields(model) if each.secret}

    def action(self, node: PlanNode) -> tuple[str, str]:
        """The entry point of the node's action, as another process finds it, and its version."""
        if node.name not in self._actions:
            self._actions[node.name] = (entrypoint_of(node.spec), self.version_of(node.spec))
        return self._actions[node.name]

    def completion(self, run_id: str, job: Job, outcome: Outcome) -> tuple[list[Draft], Checkpoint]:
        """A completed job's last events and its checkpoint, which are stored in one transaction."""
        at = now()
        entrypoint, version = self.action(job.node)
        checkpoint = Checkpoint(
            run_id,
            job.name,
            job.node.index,
            ActionStatus.COMPLETED,
            outcome.result,
            job.attempt,
            at,
            entrypoint=entrypoint,
            version=version,
            inputs_hash=self.inputs(job.node, job.params),
        )
        return [*job.tail, Draft(Kind.ACTION_COMPLETED, at, job.name, job.attempt)], checkpoint


def entrypoint_of(spec: ActionSpec) -> str:
    """The action's entry point as it is kept: as another process finds it, if it can be found at all."""
    try:
        return portable(spec.entrypoint)
    except DiscoveryError:
        return spec.entrypoint
