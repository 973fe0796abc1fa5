"""The params that each node of a run sees: `ParamsView`.

A node sees the initial params updated by what its ancestors gave, merged in topological order. Which ancestor gave a
key is remembered: what comes later overrides what it comes after, and two that have no order between them must agree.

A disagreement is an error for the first node that takes the key: its action has such a field, or takes a plain dict
and so every key, or its ``each`` or ``when`` looks at it. A node that does not take it passes it by, so that two
trainings that both return their loss may join in an action that wants only their weights; the key is then absent
until somebody gives it anew, or binds it: a binding settles a dispute for all that comes after, and else is the
node's own affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from attrs import define

from synapse_core.errors import ParamsConflictError, PipelineError, SynapseError
from synapse_core.pipeline.expressions import follow, guess, is_entrypoint, parse_binding, parse_when
from synapse_core.pipeline.plan import Plan, PlanNode, bits

if TYPE_CHECKING:
    from synapse_core.schema import Field, Schema

_SKIPPED = object()


@define(eq=False)
class _Seen:
    """What a node saw: the params, and by key the nodes that disagree about it. ``nodes`` are those merged in."""

    params: dict[str, Any]
    disputed: dict[str, list[int]]
    nodes: int


class ParamsView:
    """Keeps what each node gave, and puts together what each node sees.

    `done` or `skip` is called for every parent of a node before `view` is called for it. Values are JSON data; the
    dicts handed out are new, the values in them are shared.

    Args:
        plan: whose nodes.
        initial: the run's initial params.
        schema: what knows the models, where a session has its own.
    """

    # How it is fast: what a node saw is kept (`_seen`) and its child starts from it, so that in a sequence only what
    # the parent gave is new; and a join starts from one parent and looks only at the keys that the others gave.

    def __init__(self, plan: Plan, initial: Mapping[str, Any], schema: Schema | None = None) -> None:
        self._plan = plan
        self._initial = dict(initial)
        self._schema = schema
        self._seen: dict[int, _Seen] = {}  # by the set of ancestors, which siblings have in common
        self._looks: dict[int, int] = {}
        self._looked: set[int] = set()
        for node in plan:
            mask = plan.ancestor_masks[node.index]
            self._looks[mask] = self._looks.get(mask, 0) + 1 + len(plan.children(node.name))
        self._given: dict[int, Mapping[str, Any]] = {}
        self._givers: dict[str, int] = {}
        self._results: dict[str, Any] = {}
        self._fan_out: dict[str, tuple[str, dict[str, Any]]] = {}

    # -- before a node runs ---------------------------------------------------------------------------------------

    def view(self, name: str) -> dict[str, Any]:
        """The params that a node sees, its ``inputs`` bound.

        Raises:
            ParamsConflictError: two actions with no order between them gave a key that it takes different values.
            PipelineError: a binding leads nowhere.
        """
        node = self._plan[name]
        seen = self._see(node)
        if seen.disputed:
            self._check_disputes(node, seen)
        return {**seen.params, **self._bound(node)} if node.inputs else dict(seen.params)

    def should_run(self, name: str, view: Mapping[str, Any]) -> bool:
        """Whether the node's ``when`` holds for the params it sees; a param that is not there counts as false.

        Raises:
            PipelineError: its function raised, or cannot be loaded.
        """
        node = self._plan[name]
        if node.when is None:
            return True
        if isinstance(node.when, str) and not is_entrypoint(node.when):
            return parse_when(node.when).holds(view)
        return _ask(node, view)

    def items(self, name: str, view: Mapping[str, Any]) -> list[Any]:
        """The list that the node's ``each`` runs over.

        Raises:
            PipelineError: there is no such param, or it is no list.
        """
        node = self._plan[name]
        each = node.fan_out
        if each is None:
            raise PipelineError(f"node {name!r} has no each")
        if each.source not in view:
            raise PipelineError(
                f"node {name!r}: each={node.each!r}: no param {each.source!r}{guess(each.source, view)}"
            )
        found = view[each.source]
        if not isinstance(found, list | tuple):
            raise PipelineError(
                f"node {name!r}: each={node.each!r}: {each.source!r} must be a list, and is of type "
                f"{type(found).__name__}"
            )
        self._fan_out[name] = each.item, {key: value for key, value in view.items() if key != each.source}
        return list(found)

    def instance_params(self, name: str, item: Any) -> dict[str, Any]:
        """The params of one instance of a node with ``each``: its item, and not the list that the item is from.

        An action that wants the list too binds it under another name: ``inputs={"all_files": "list.files"}``.
        """
        if name not in self._fan_out:
            self.items(name, self.view(name))
        key, shared = self._fan_out[name]
        return {**shared, key: item}

    # -- after it -------------------------------------------------------------------------------------------------

    def done(self, name: str, merges: Mapping[str, Any] | None, result: Any) -> None:
        """Record that a node has completed: what its result adds to the params, and the result itself."""
        node = self._plan[name]
        self._record(node, {**self._settled(node), **(merges or {})}, result)

    def skip(self, name: str) -> None:
        """Record that a node did not run: it adds nothing, and none can bind it.

        What its ``inputs`` settle they settle all the same, as far as they lead anywhere.
        """
        node = self._plan[name]
        try:
            settled = self._settled(node)
        except PipelineError:
            settled = {}
        self._record(node, settled, _SKIPPED)

    def after(self, name: str) -> dict[str, Any]:
        """The params after a node's result has been merged; keys that are in dispute are left out.

        Raises:
            PipelineError: the node is not done.
        """
        node = self._plan[name]
        return {**self._see(node).params, **self._given_by(node.index)}

    # -- merging --------------------------------------------------------------------------------------------------

    def _see(self, node: PlanNode) -> _Seen:
        """What the node sees but for its own bindings: what one parent saw, and all that came in since."""
        ancestors = self._plan.ancestor_masks[node.index]
        seen = self._seen.get(ancestors) or self._merge(node, ancestors)
        if self._looks[ancestors] > 0:
            self._seen[ancestors] = seen
        if node.index not in self._looked:
            self._looked.add(node.index)
            self._release(node)
        return seen

    def _merge(self, node: PlanNode, ancestors: int) -> _Seen:
        start = self._start(node)
        seen = _Seen(dict(start.params), dict(start.disputed), ancestors)
        news = ancestors & ~start.nodes
        if news and news & (news - 1) == 0:
            return self._add_one(seen, news.bit_length() - 1)
        for key in {key: None for index in bits(news) for key in self._given_by(index)}:
            self._add(seen, key)
        return seen

    def _start(self, node: PlanNode) -> _Seen:
        """What one of the parents saw: the one that saw most."""
        masks, numbers = self._plan.ancestor_masks, self._plan.numbers
        known = [seen for need in node.needs if (seen := self._seen.get(masks[numbers[need]])) is not None]
        if len(known) > 1:
            return max(known, key=lambda seen: seen.nodes.bit_count())
        return known[0] if known else _Seen(self._initial, {}, 0)

    def _add_one(self, seen: _Seen, giver: int) -> _Seen:
        """Add what the only parent gave: it comes after all the rest."""
        given = self._given_by(giver)
        seen.params.update(given)
        if seen.disputed:
            for key in given:
                seen.disputed.pop(key, None)
        return seen

    def _add(self, seen: _Seen, key: str) -> None:
        """Settle a key among all that gave it, or note that they disagree."""
        latest = self._plan.latest(self._givers[key] & seen.nodes)
        value = self._given[latest[-1]][key]
        if all(same(self._given[other][key], value) for other in latest[:-1]):
            seen.params[key] = value
            seen.disputed.pop(key, None)
        else:
            seen.params.pop(key, None)
            seen.disputed[key] = latest

    def _record(self, node: PlanNode, given: Mapping[str, Any], result: Any) -> None:
        self._results[node.name] = result
        self._given[node.index] = given
        bit = 1 << node.index
        for key in given:
            self._givers[key] = self._givers.get(key, 0) | bit
        self._fan_out.pop(node.name, None)

    def _settled(self, node: PlanNode) -> dict[str, Any]:
        """What the node's bindings decide for those that come after it: only what was in dispute."""
        if not node.inputs:
            return {}
        disputed = self._see(node).disputed
        return {key: self._evaluate(node, key, text) for key, text in node.inputs.items() if key in disputed}

    def _given_by(self, index: int) -> Mapping[str, Any]:
        given = self._given.get(index)
        if given is None:
            raise PipelineError(
                f"node {self._plan.nodes[index].name!r} is not done, so what comes after it sees nothing yet"
            )
        return given

    def _release(self, node: PlanNode) -> None:
        """Forget what was seen once nobody is left to start from it; it can be put together again."""
        masks, numbers = self._plan.ancestor_masks, self._plan.numbers
        for name in (node.name, *node.needs):
            mask = masks[numbers[name]]
            self._looks[mask] -= 1
            if not self._looks[mask]:
                self._seen.pop(mask, None)

    # -- bindings -------------------------------------------------------------------------------------------------

    def _bound(self, node: PlanNode) -> dict[str, Any]:
        return {key: self._evaluate(node, key, text) for key, text in node.inputs.items()}

    def _evaluate(self, node: PlanNode, key: str, text: str) -> Any:
        where = f"node {node.name!r}: inputs[{key!r}] is {text!r}, but"
        binding = parse_binding(text, self._plan.numbers)
        if binding.node is None:
            return follow(self._initial, binding.path, f"{where} the dict of initial params")
        if binding.node not in self._results:
            raise PipelineError(f"{where} {binding.node!r} is not done")
        result = self._results[binding.node]
        if result is _SKIPPED:
            raise PipelineError(
                f"{where} {binding.node!r} was skipped and gave no result",
                hint=f"leave {key!r} unbound and let the result of {binding.node!r} give it under that name, "
                "so that the params stand where it is skipped",
            )
        return follow(result, binding.path, f"{where} the result of {binding.node!r}")

    # -- disputes -------------------------------------------------------------------------------------------------

    def _check_disputes(self, node: PlanNode, seen: _Seen) -> None:
        takes, owns = self._fields(node, "params_model"), node.owns
        for key, givers in seen.disputed.items():
            if key not in owns and (takes is None or key in takes or key in node.looks_at):
                raise self._conflict(node, key, givers)

    def _fields(self, node: PlanNode, which: Literal["params_model", "result_model"]) -> Mapping[str, Field] | None:
        """The fields of one of the action's models; None where it has none, or they cannot be told."""
        from synapse_core.schema import default_schema

        known = self._schema or default_schema()
        try:
            model = getattr(node.spec, which)
            return {each.name: each for each in known.fields(model)} if known.is_model(model) else None
        except SynapseError:
            return None

    def _conflict(self, node: PlanNode, key: str, givers: list[int]) -> ParamsConflictError:
        one = givers[-1]
        other = next(i for i in givers[-2::-1] if not same(self._given[i][key], self._given[one][key]))
        first, second = self._plan.nodes[one], self._plan.nodes[other]
        return ParamsConflictError(
            f"node {node.name!r} takes {key!r}, and {first.name!r} and {second.name!r}, which have no order between "
            f"them, gave it different values{self._shown(key, node, first, second)}",
            hint=f"say which: Node(…, name={node.name!r}, inputs={{{key!r}: '{first.name}.{key}'}})",
        )

    def _shown(self, key: str, node: PlanNode, *givers: PlanNode) -> str:
        """The values that were given, unless a model says that they are secret."""
        from synapse_core.schema.names import shown

        models = [self._fields(node, "params_model"), *(self._fields(giver, "result_model") for giver in givers)]
        if any(model[key].secret for model in models if model and key in model):
            return ""
        return ": " + " and ".join(shown(self._given[giver.index][key]) for giver in givers)


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; unlike in Python true is not 1, and NaN is itself."""
    if left is right:
        return True
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    try:
        return bool(left == right) or bool(left != left and right != right)  # noqa: PLR0124  NaN
    except Exception:  # noqa: BLE001  what cannot even be compared (an array, say) is not known to be the same
        return False


def _ask(node: PlanNode, view: Mapping[str, Any]) -> bool:
    """What a ``when`` function says."""
    when = node.when
    if isinstance(when, str):
        from synapse_core.pipeline.plandata import load_when

        when = load_when(node, when)
    assert when is not None  # or should_run would not have asked
    try:
        return bool(when(view))
    except Exception as error:
        raise PipelineError(f"node {node.name!r}: its when raised {type(error).__name__}: {error}") from error
