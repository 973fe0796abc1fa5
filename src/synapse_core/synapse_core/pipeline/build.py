"""From what a user wrote to a plan: read, put in order, and checked; all that is wrong is said at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, get_args

from attrs import evolve

from synapse_core.errors import PipelineError, SchemaIncompatibleError, SynapseError
from synapse_core.pipeline.expressions import is_entrypoint, parse_each, parse_when
from synapse_core.pipeline.layout import Layout, Placed
from synapse_core.pipeline.node import Node, When
from synapse_core.pipeline.order import cycle, topological
from synapse_core.pipeline.plan import OnFailure, Plan, PlanNode
from synapse_core.pipeline.problems import PipelineBuildError, listed, warn

_COROUTINE = 0x80 | 0x200  # inspect.CO_COROUTINE and CO_ASYNC_GENERATOR, without importing inspect


def build_plan(actions: Iterable[Any], name: str | None, description: str | None, **options: Any) -> Plan:
    """The plan of nested lists of actions, not yet checked; see `PipelineGraph`.

    Raises:
        PipelineBuildError: there is none, for one reason or several.
    """
    wrong = _wrong_options(name, options["on_failure"], options["max_parallel"])
    called = "pipeline" if name is None else name
    nodes = _nodes(actions, f"pipeline {called!r}", wrong)
    return Plan(called, nodes, description=description, **options)


def rename(plan: Plan, name: str) -> Plan:
    """The same plan under another name.

    Raises:
        PipelineBuildError: it is no name.
    """
    wrong = _wrong_options(name or "", plan.on_failure, None)
    if wrong:
        raise PipelineBuildError(f"pipeline {plan.name!r}", wrong)
    return evolve(plan, name=name)


def _wrong_options(name: Any, on_failure: Any, max_parallel: Any) -> list[str]:
    wrong = []
    if name is not None and (not isinstance(name, str) or not name.strip()):
        wrong.append(f"its name must be a text that is not empty, got {name!r}")
    if on_failure not in get_args(OnFailure):
        wrong.append(f"on_failure must be one of {', '.join(map(repr, get_args(OnFailure)))}, got {on_failure!r}")
    if max_parallel is not None and (type(max_parallel) is not int or max_parallel < 1):
        wrong.append(f"max_parallel must be a whole number of 1 or above, got {max_parallel!r}")
    return wrong


def _nodes(actions: Iterable[Any], subject: str, wrong: list[str]) -> tuple[PlanNode, ...]:
    """The nodes in topological order, or all that is wrong with them."""
    if isinstance(actions, str) or not isinstance(actions, Iterable):
        raise PipelineBuildError(subject, [*wrong, f"a pipeline is made of a list of actions, got {actions!r}"])
    layout = Layout()
    placed = layout.read(actions)
    wrong += layout.problems
    for each in placed:
        wrong += _wrong_expressions(each)
    needs = [each.needs for each in placed]
    order = topological(needs)
    if len(order) < len(placed):
        names = [placed[index].name for index in cycle(needs, order)]
        wrong.append(f"its needs make a cycle: {' → '.join([*names, names[0]])}")
    if wrong:
        raise PipelineBuildError(subject, wrong)
    return tuple(_plan_node(placed[old], new, placed) for new, old in enumerate(order))


def _plan_node(each: Placed, index: int, placed: list[Placed]) -> PlanNode:
    node = each.node
    return PlanNode(
        each.name,
        index,
        each.spec,
        tuple([placed[need].name for need in each.needs]),
        node.inputs,
        node.resources,
        node.retry,
        node.timeout,
        node.each,
        node.max_parallel,
        node.when,
    )


def _wrong_expressions(placed: Placed) -> list[str]:
    node: Node = placed.node
    if node.each is None and node.when is None and node.max_parallel is None:
        return []
    wrong: list[str] = []
    if node.max_parallel is not None and node.each is None:
        wrong.append(f"{placed.name!r}: max_parallel is for a node with each")
    checks: list[tuple[Callable[[Any], Any], Any]] = [(parse_each, node.each), (_check_when, node.when)]
    for check, value in checks:
        try:
            if value is not None:
                check(value)
        except PipelineError as error:
            wrong.append(f"{placed.name!r}: {error}")
    return wrong


def _check_when(when: When) -> None:
    if isinstance(when, str):
        if not is_entrypoint(when):
            parse_when(when)
        return
    if not callable(when):
        raise PipelineError(f"when must be a key of the params or a function of them, got {when!r}")
    code = getattr(when, "__code__", None)
    if code is not None and code.co_flags & _COROUTINE:
        raise PipelineError("when must be a plain function, not an async one")


def check_plan(plan: Plan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Problems and cautions, after they have been warned of.

    Raises:
        PipelineBuildError: an action cannot be loaded, or a binding leads nowhere.
        SchemaIncompatibleError: there are problems, and the plan is strict.
    """
    from synapse_core.pipeline.checks import Checks
    from synapse_core.pipeline.facts import Facts

    subject = f"pipeline {plan.name!r}"
    missing = [wrong for wrong in map(_wrong_action, plan) if wrong]
    if missing:
        raise PipelineBuildError(subject, missing)
    checks = Checks(plan, Facts.of(plan))
    checks.run()
    if checks.errors:
        raise PipelineBuildError(subject, checks.errors)
    if plan.strict and checks.problems:
        raise SchemaIncompatibleError(checks.problems)
    doubts = [*checks.problems, *checks.cautions]
    if doubts:
        warn(listed(f"{subject}: types may not fit", doubts))
    return tuple(checks.problems), tuple(checks.cautions)


def _wrong_action(node: PlanNode) -> str:
    try:
        node.spec.load()
    except SynapseError as error:
        return f"{node.name!r}: {error.message}"
    return ""
