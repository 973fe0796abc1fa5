"""What the models of a plan's actions say: which params an action takes, and which its result gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_origin

from attrs import define, field

from synapse_core.errors import SynapseError
from synapse_core.pipeline.plan import Plan, PlanNode
from synapse_core.schema import Field, Schema, default_schema

_MERGE_NOTHING = (int, float, str, bytes, bool, list, tuple, set, frozenset)

Fields = Mapping[str, Field]
_NONE: Fields = {}


@define(eq=False)
class Facts:
    """By node index, what its action takes and gives.

    Attributes:
        schema: what reads the models.
        takes: the fields of the params model; None where that is not known, or is everything.
        results: the fields of one result (with ``each``, of one item of the list); None where that is not known.
        everything: the set of nodes whose action takes a plain dict, and so every key there is.
        secretive: the set of nodes whose result may give any key, as nothing is known of it.
        givers: by key, the set of nodes whose result gives it.
        problems: models that cannot be read.
    """

    schema: Schema = field(factory=default_schema)
    takes: list[Fields | None] = field(factory=list)
    results: list[Fields | None] = field(factory=list)
    everything: int = 0
    secretive: int = 0
    givers: dict[str, int] = field(factory=dict)
    problems: list[str] = field(factory=list)
    _known: dict[Any, Fields | None] = field(factory=dict)

    @classmethod
    def of(cls, plan: Plan, schema: Schema | None = None) -> Facts:
        """Read the models of all actions.

        Raises:
            DiscoveryError: an action cannot be loaded.
        """
        facts = cls(schema or default_schema())
        for node in plan:
            facts._add(node)
        return facts

    def gives(self, node: PlanNode) -> Fields:
        """The fields that the node's result is known to add to the params; a list, as of ``each``, adds nothing."""
        return _NONE if node.each is not None else self.results[node.index] or _NONE

    def _add(self, node: PlanNode) -> None:
        bit = 1 << node.index
        if node.spec.params_model is None:
            self.everything |= bit
        self.takes.append(self._fields(node.spec.params_model))
        result = node.spec.result_model
        self.results.append(_NONE if (get_origin(result) or result) in _MERGE_NOTHING else self._fields(result))
        if node.each is None and self.results[-1] is None:
            self.secretive |= bit
        for key in self.gives(node):
            self.givers[key] = self.givers.get(key, 0) | bit

    def _fields(self, model: Any) -> Fields | None:
        try:
            if model not in self._known:
                self._known[model] = self._read(model)
            return self._known[model]
        except TypeError:  # an annotation that cannot be hashed
            return None

    def _read(self, model: Any) -> Fields | None:
        try:
            return self._named(model) if model is not None and self.schema.is_model(model) else None
        except SynapseError as error:
            self.problems.append(str(error))
            return None

    def _named(self, model: Any) -> Fields:
        return {each.name: each for each in self.schema.fields(model)}
