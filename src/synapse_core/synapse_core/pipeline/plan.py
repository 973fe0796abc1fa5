"""`Plan`: a pipeline as the engine runs it. Frozen, checked, in topological order, and writable as JSON data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

from attrs import field, frozen

from synapse_core.actiondef import ActionSpec
from synapse_core.actiondef.target import entrypoint_of
from synapse_core.errors import NotFoundError, PipelineError, unknown
from synapse_core.pipeline.expressions import Each, is_entrypoint, parse_each, parse_when
from synapse_core.pipeline.node import Resources, Retry, When

OnFailure = Literal["finish", "continue", "cancel"]
"""What becomes of the rest of a run when an action has failed for good."""


def _same_action(spec: ActionSpec) -> tuple[str, str, str | None]:
    return spec.name, spec.entrypoint, spec.root


def _same_when(when: When | None) -> str | None:
    return when if when is None or isinstance(when, str) else name_of(when)


def name_of(function: Callable[..., Any]) -> str:
    """The entry point of a ``when`` function; of one that has no name, what its type is called."""
    try:
        return entrypoint_of(function)[0]
    except AttributeError:
        return entrypoint_of(type(function))[0]


@frozen
class PlanNode:
    """One action of a plan.

    ``index`` is its place in topological order, ``needs`` its direct parents. The rest is as in `Node`. Two are equal
    when they name the same action and function, wherever those were loaded.
    """

    name: str
    index: int
    spec: ActionSpec = field(eq=_same_action)
    needs: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(factory=dict)
    resources: Resources | None = None
    retry: Retry | None = None
    timeout: float | None = None
    each: str | None = None
    max_parallel: int | None = None
    when: When | None = field(default=None, eq=_same_when)

    @property
    def fan_out(self) -> Each | None:
        """``each``, parsed."""
        return None if self.each is None else parse_each(self.each)

    @property
    def looks_at(self) -> tuple[str, ...]:
        """The params that ``each`` and ``when`` look at, as far as they are named."""
        found = [] if self.each is None else [parse_each(self.each).source]
        if isinstance(self.when, str) and not is_entrypoint(self.when):
            found.append(parse_when(self.when).path[0])
        return tuple(found)

    @property
    def owns(self) -> frozenset[str]:
        """The params that the node has from its ``inputs`` or ``each``, whatever earlier actions gave."""
        each = self.fan_out
        return frozenset(self.inputs if each is None or each.item == each.source else (*self.inputs, each.item))


@frozen
class Plan:
    """A pipeline's nodes in a stable topological order, and how the run treats failure.

    Nodes stand in the order they were written in, as far as their needs let them. Sets of nodes are ints inside, bit
    ``i`` standing for the node with index ``i``: ``ancestor_masks`` has one for each node. ``numbers`` has the index of
    each name.

    Raises:
        PipelineError: a node stands before one that it needs, or a name comes twice.
    """

    name: str
    nodes: tuple[PlanNode, ...]
    on_failure: OnFailure = "finish"
    max_parallel: int | None = None
    strict: bool = False
    description: str | None = None
    ancestor_masks: tuple[int, ...] = field(init=False, eq=False, repr=False)
    numbers: Mapping[str, int] = field(init=False, eq=False, repr=False)

    @numbers.default
    def _number(self) -> dict[str, int]:
        numbers = {node.name: number for number, node in enumerate(self.nodes)}
        if len(numbers) != len(self.nodes) or any(node.index != numbers[node.name] for node in self.nodes):
            raise PipelineError(f"the nodes of plan {self.name!r} are not numbered and named one by one")
        return numbers

    @ancestor_masks.default
    def _close(self) -> tuple[int, ...]:
        masks: list[int] = []
        seen: dict[str, int] = {}
        for node in self.nodes:
            mask = 0
            for need in node.needs:
                if need not in seen:
                    raise PipelineError(f"{node.name!r} stands before {need!r}, which it needs, in plan {self.name!r}")
                mask |= seen[need]
            masks.append(mask)
            seen[node.name] = mask | 1 << node.index
        return tuple(masks)

    def __getitem__(self, name: str) -> PlanNode:
        return self.nodes[self.index(name)]

    def __contains__(self, name: object) -> bool:
        return name in self.numbers

    def __iter__(self) -> Iterator[PlanNode]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def index(self, name: str) -> int:
        """The node's place in topological order.

        Raises:
            NotFoundError: there is no such node; the message says which is near.
        """
        found = self.numbers.get(name)
        if found is None:
            raise NotFoundError(f"pipeline {self.name!r}: {unknown('node', name, self.numbers)}")
        return found

    def ancestors(self, name: str) -> tuple[str, ...]:
        """All that must come before the node, in topological order."""
        return self.names(self.ancestor_masks[self.index(name)])

    def descendants(self, name: str) -> tuple[str, ...]:
        """All that must come after the node, in topological order."""
        bit = 1 << self.index(name)
        return tuple(node.name for node in self.nodes if self.ancestor_masks[node.index] & bit)

    def children(self, name: str) -> tuple[str, ...]:
        """The nodes that directly need this one, in topological order."""
        return self._children[self.index(name)]

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """The nodes that need nothing."""
        return tuple(node.name for node in self.nodes if not node.needs)

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """The nodes that nothing needs."""
        return tuple(node.name for node in self.nodes if not self._children[node.index])

    @cached_property
    def _children(self) -> tuple[tuple[str, ...], ...]:
        found: list[list[str]] = [[] for _ in self.nodes]
        for node in self.nodes:
            for need in node.needs:
                found[self.numbers[need]].append(node.name)
        return tuple(tuple(names) for names in found)

    def names(self, mask: int) -> tuple[str, ...]:
        """The names of a set of nodes, in topological order."""
        return tuple(self.nodes[index].name for index in bits(mask))

    def latest(self, mask: int) -> list[int]:
        """Of a set of nodes those that come before no other of it, by index, the last first."""
        found = []
        while mask:
            top = mask.bit_length() - 1
            found.append(top)
            mask &= ~(self.ancestor_masks[top] | 1 << top)
        return found

    def to_data(self, *, portable: bool = True) -> dict[str, Any]:
        """The plan as JSON data, with entry points for actions and functions.

        Args:
            portable: refuse actions and ``when`` functions that another process could not find (a lambda, what is
                defined inside a function). Where the data stays here, give False: such a one is written as it calls
                itself.

        Raises:
            PipelineError: the plan is to be portable and is not.
        """
        from synapse_core.pipeline.plandata import plan_to_data

        return plan_to_data(self, portable=portable)

    @classmethod
    def from_data(cls, data: Mapping[str, Any], *, loader: Callable[[ActionSpec], Any] | None = None) -> Plan:
        """The plan that `to_data` wrote. Nothing is imported yet; ``loader`` is the specs' way to do so.

        Raises:
            PipelineError: the data is not a plan's.
        """
        from synapse_core.pipeline.plandata import plan_from_data

        return plan_from_data(data, loader)


def bits(mask: int) -> Iterator[int]:
    """The indices of a set, rising."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
