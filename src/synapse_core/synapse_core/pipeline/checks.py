"""The checks of a pipeline while it is built: bindings, semantic types, and fields along its edges.

What an action does not say is presumed harmless: an action without models or types is in nobody's way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field

from synapse_core.errors import PipelineError, nearest
from synapse_core.pipeline.bindings import type_at
from synapse_core.pipeline.expressions import Each, parse_binding
from synapse_core.pipeline.facts import Facts, Fields
from synapse_core.pipeline.fits import fits, list_of
from synapse_core.pipeline.plan import Plan, PlanNode
from synapse_core.schema.names import type_name
from synapse_core.types import DataType, Fit, compatible


@define(eq=False)
class Checks:
    """What was found wrong.

    Attributes:
        errors: such a pipeline cannot be built.
        problems: a strict pipeline cannot be built; others warn.
        cautions: worth a warning, strict or not.
    """

    plan: Plan
    facts: Facts
    errors: list[str] = field(factory=list)
    problems: list[str] = field(factory=list)
    cautions: list[str] = field(factory=list)
    _bound: dict[tuple[int, str], Any] = field(factory=dict)

    def run(self) -> None:
        """Run all checks."""
        self.problems += self.facts.problems
        for node in self.plan:
            if node.inputs:
                self._check_bindings(node)
            if node.spec.input_type is not None:
                self._check_type(node)
        for node in self.plan:
            if self.plan.ancestor_masks[node.index]:
                self._check_fields(node)
            if node.each is not None:
                self._check_each(node)

    # -- inputs ---------------------------------------------------------------------------------------------------

    def _check_bindings(self, node: PlanNode) -> None:
        for key, text in node.inputs.items():
            try:
                given = self._source_type(node, text)
                self._check_taken(node, key)
            except PipelineError as error:
                self.errors.append(f"{node.name!r}: inputs[{key!r}]: {error}")
                continue
            self._bound[node.index, key] = given
            self._check_given(node, key, given, f"it is bound to {text!r}")

    def _source_type(self, node: PlanNode, text: str) -> Any:
        """The type of what is bound; Any where that cannot be told."""
        binding = parse_binding(text, self.plan.numbers)
        if binding.node is None:
            return Any
        source = self.plan[binding.node]
        if not self.plan.ancestor_masks[node.index] >> source.index & 1:
            needed = "a node cannot take its own result" if source is node else "add it to the node's needs"
            raise PipelineError(f"{source.name!r} does not come before {node.name!r}; {needed}")
        return type_at(source, binding.path)

    def _check_taken(self, node: PlanNode, key: str) -> None:
        """Somebody must take a bound key: the node itself, or what comes after it and finds it settled."""
        if self._takes(node, key):
            return
        if any(self._takes(self.plan[name], key) for name in self.plan.descendants(node.name)):
            return
        takes = self.facts.takes[node.index] or {}
        close = nearest(key, takes)
        raise PipelineError(
            f"the action takes no {key!r}" + (f"; did you mean {close!r}?" if close else f"; it takes {_all(takes)}")
        )

    def _takes(self, node: PlanNode, key: str) -> bool:
        """Whether the node may look at the key; one of which nothing is known may."""
        takes = self.facts.takes[node.index]
        return takes is None or key in takes or key in node.looks_at

    # -- semantic types -------------------------------------------------------------------------------------------

    def _check_type(self, node: PlanNode) -> None:
        """One parent that gives what is wanted is enough: the others may bring the rest."""
        try:
            found = {compatible(parent.spec.output_type, node.spec.input_type) for parent in self._parents(node)}
        except PipelineError as error:
            self.errors.append(f"{node.name!r}: {error}")
            return
        if Fit.FITS in found:
            return
        if Fit.MAY_FIT in found:
            self.cautions.append(self._of_types(node, Fit.MAY_FIT, "which may be something else"))
        elif Fit.DOES_NOT_FIT in found:
            self.problems.append(self._of_types(node, Fit.DOES_NOT_FIT, "which does not fit"))

    def _of_types(self, node: PlanNode, verdict: Fit, why: str) -> str:
        wanted = node.spec.input_type
        given = ", ".join(
            f"{parent.name!r} gives {_name(parent.spec.output_type)}"
            for parent in self._parents(node)
            if compatible(parent.spec.output_type, wanted) is verdict
        )
        return f"{node.name!r} wants {_name(wanted)}, but {given}, {why}"

    def _parents(self, node: PlanNode) -> Iterator[PlanNode]:
        return (self.plan[name] for name in node.needs)

    # -- fields ---------------------------------------------------------------------------------------------------

    def _check_fields(self, node: PlanNode) -> None:
        bit, ancestors = 1 << node.index, self.plan.ancestor_masks[node.index]
        takes = self.facts.givers if self.facts.everything & bit else self.facts.takes[node.index] or {}
        for key in dict.fromkeys((*takes, *node.looks_at, *node.inputs)):
            givers = self.facts.givers.get(key, 0) & ancestors
            if givers:
                self._check_key(node, key, self.plan.latest(givers))

    def _check_key(self, node: PlanNode, key: str, givers: list[int]) -> None:
        if key not in node.inputs:
            for giver in givers:
                self._check_given(node, key, self._given(giver, key), f"{self.plan.nodes[giver].name!r} gives {key}")
        if len(givers) > 1 and (key in node.inputs or key not in node.owns):
            if key not in node.inputs:
                self._conflict(node, key, givers)
            # Bound here it is settled for all that comes after; else it is said once, and not again of all of them.
            self.facts.givers[key] |= 1 << node.index

    def _given(self, giver: int, key: str) -> Any:
        """The type under which a node gives a key, by its result or else by a binding that settled it."""
        gives = self.facts.gives(self.plan.nodes[giver])
        return gives[key].type if key in gives else self._bound.get((giver, key), Any)

    def _check_given(self, node: PlanNode, key: str, given: Any, how: str) -> None:
        wanted = (self.facts.takes[node.index] or {}).get(key)
        fan_out = node.fan_out
        if wanted is None or wanted.converter is not None or (fan_out and key in (fan_out.item, fan_out.source)):
            return
        if not fits(given, wanted.type):
            self.problems.append(f"{node.name!r} wants {key}: {type_name(wanted.type)}, but {how}: {type_name(given)}")

    def _conflict(self, node: PlanNode, key: str, givers: list[int]) -> None:
        last, *_, first = (self.plan.nodes[index].name for index in givers)
        more = f" (and {len(givers) - 2} more)" if len(givers) > 2 else ""
        self.problems.append(
            f"{node.name!r} takes {key!r}, which {first!r} and {last!r}{more} give with no order between them; "
            f"say which: Node(…, name={node.name!r}, inputs={{{key!r}: '{first}.{key}'}})"
        )

    # -- each -----------------------------------------------------------------------------------------------------

    def _check_each(self, node: PlanNode) -> None:
        fan_out, takes = node.fan_out, self.facts.takes[node.index]
        assert fan_out is not None  # what the caller asks for
        if takes is not None and fan_out.item not in takes:
            self._item_not_taken(node, fan_out, takes)
        if takes and fan_out.item != fan_out.source in takes and takes[fan_out.source].required:
            self.problems.append(
                f"{node.name!r}: each={node.each!r}: the action wants {fan_out.source!r} too, but an instance gets its "
                f"item and not the list; bind the list to a param of another name"
            )
        for given, giver in self._sources(node, fan_out.source):
            wanted = list_of(takes[fan_out.item].type) if takes and fan_out.item in takes else list
            if not fits(given, wanted):
                self.problems.append(
                    f"{node.name!r}: each={node.each!r} wants {type_name(wanted)}, but {giver} gives "
                    f"{fan_out.source}: {type_name(given)}"
                )

    def _item_not_taken(self, node: PlanNode, each: Each, takes: Fields) -> None:
        close = nearest(each.item, takes)
        guess = f"; did you mean '{close} in {each.source}'?" if close else f"; it takes {_all(takes)}"
        self.problems.append(f"{node.name!r}: each={node.each!r}: the action takes no {each.item!r}{guess}")

    def _sources(self, node: PlanNode, key: str) -> Iterator[tuple[Any, str]]:
        if key in node.inputs:
            yield self._bound.get((node.index, key), Any), f"the binding to {node.inputs[key]!r}"
            return
        for giver in self.plan.latest(self.facts.givers.get(key, 0) & self.plan.ancestor_masks[node.index]):
            yield self._given(giver, key), repr(self.plan.nodes[giver].name)


def _all(fields: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, fields)) or "nothing"


def _name(data_type: type[DataType] | None) -> str:
    return data_type.__name__ if data_type is not None else "nothing"
