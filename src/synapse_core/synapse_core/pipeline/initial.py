"""Whether the params that a run is to start with will do, as far as that can be told before it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, evolve, field

from synapse_core.errors import FieldIssue, PipelineError, ValidationError, nearest
from synapse_core.pipeline.expressions import follow, is_entrypoint, parse_binding
from synapse_core.pipeline.facts import Facts, Fields
from synapse_core.pipeline.fits import list_of
from synapse_core.pipeline.plan import Plan, PlanNode
from synapse_core.schema import Schema, default_schema

_NAMED = 5


def check_initial_params(plan: Plan, params: Any, schema: Schema | None = None) -> tuple[str, ...]:
    """See `PipelineGraph.validate_initial_params`."""
    subject = f"initial params of pipeline {plan.name!r}"
    if not isinstance(params, Mapping):
        raise ValidationError(subject, [FieldIssue("", f"expected a mapping, got {type(params).__name__}")])
    odd = [FieldIssue("", f"keys are text, got {key!r}") for key in params if not isinstance(key, str)]
    if odd:
        raise ValidationError(subject, odd)
    check = _InitialParams(plan, params, schema or default_schema())
    check.run()
    if check.wrong:
        raise ValidationError(subject, list(_told(check.wrong)))
    doubts = [f"{issue}; only an action without a result model could give it" for issue in _told(check.doubtful)]
    return (*check.unknown(), *doubts)


@define(eq=False)
class _InitialParams:
    """``wrong`` and ``doubtful`` have, by issue, the nodes that it concerns."""

    plan: Plan
    params: Mapping[str, Any]
    schema: Schema
    facts: Facts = field(init=False)
    wrong: dict[FieldIssue, list[str]] = field(factory=dict)
    doubtful: dict[FieldIssue, list[str]] = field(factory=dict)

    def run(self) -> None:
        self.facts = Facts.of(self.plan, self.schema)
        for node in self.plan:
            doubt = self.plan.ancestor_masks[node.index] & self.facts.secretive
            for issue in (*self._of_fields(node), *self._of_each(node)):
                (self.doubtful if doubt else self.wrong).setdefault(issue, []).append(node.name)
            for issue in self._of_bindings(node):
                self.wrong.setdefault(issue, []).append(node.name)

    def _given(self, node: PlanNode, key: str) -> bool:
        """Whether the node has the key from somewhere else."""
        return key in node.inputs or bool(self.facts.givers.get(key, 0) & self.plan.ancestor_masks[node.index])

    def _of_fields(self, node: PlanNode) -> Iterable[FieldIssue]:
        takes = self.facts.takes[node.index]
        if not takes:
            return
        elsewhere = {key for key in takes if self._given(node, key) or (node.fan_out and key == node.fan_out.item)}
        data = {key: self.params[key] for key in takes if key in self.params and key not in elsewhere}
        for issue in self._wrong(data, node.spec.params_model):
            if not elsewhere or (issue.path and _root(issue.path, takes) not in elsewhere):
                yield issue

    def _wrong(self, data: Any, wanted: Any, path: str = "") -> tuple[FieldIssue, ...]:
        try:
            self.schema.structure(data, wanted)
        except ValidationError as error:
            return tuple(evolve(issue, path=path + issue.path) for issue in error.issues)
        return ()

    def _of_each(self, node: PlanNode) -> Iterable[FieldIssue]:
        """The list that a node fans out over must be there, and its items must fit."""
        each = node.fan_out
        if each is None or self._given(node, each.source):
            return
        if each.source not in self.params:
            yield FieldIssue(each.source, f"is missing; each={node.each!r} runs over it", wanted="list")
            return
        value = self.params[each.source]
        item = (self.facts.takes[node.index] or {}).get(each.item)
        wanted = list_of(item.type) if item is not None and item.converter is None else list
        yield from self._wrong(list(value) if isinstance(value, tuple) else value, wanted, each.source)

    def _of_bindings(self, node: PlanNode) -> Iterable[FieldIssue]:
        for key, text in node.inputs.items():
            binding = parse_binding(text, self.plan.numbers)
            if binding.node is None:
                try:
                    follow(self.params, binding.path, "they")
                except PipelineError:
                    yield FieldIssue(".".join(binding.path), f"is missing; {key!r} is bound to it")

    def unknown(self) -> list[str]:
        """Params that no action knows; where one takes any, those that look like a known one that was left out."""
        known = {key for takes in self.facts.takes for key in takes or ()}
        known.update(key for node in self.plan for key in node.looks_at)
        bindings = (parse_binding(text, self.plan.numbers) for node in self.plan for text in node.inputs.values())
        known.update(binding.path[0] for binding in bindings if binding.node is None)
        strays = [key for key in self.params if key not in known]
        if None in self.facts.takes or any(callable(n.when) or _is_function(n.when) for n in self.plan):
            left_out = known.difference(self.params)
            return [f"no action names the param {key!r}{guess}" for key in strays if (guess := _guess(key, left_out))]
        return [f"no action knows the param {key!r}{_guess(key, known)}" for key in strays]


def _root(path: str, takes: Fields) -> str:
    """The field that an issue's path begins with."""
    found = [key for key in takes if path == key or path.startswith((f"{key}.", f"{key}["))]
    return max(found, key=len, default=path)


def _told(issues: Mapping[FieldIssue, list[str]]) -> Iterable[FieldIssue]:
    for issue, nodes in issues.items():
        more = f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else ""
        wanted_by = ", ".join(map(repr, nodes[:_NAMED]))
        yield evolve(issue, message=f"{issue.message}, for {wanted_by}{more}")


def _is_function(when: Any) -> bool:
    return isinstance(when, str) and is_entrypoint(when)


def _guess(key: str, known: Iterable[str]) -> str:
    close = nearest(key, known)
    return f"; did you mean {close!r}?" if close else ""
