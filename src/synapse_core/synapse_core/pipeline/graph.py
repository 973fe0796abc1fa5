"""`PipelineGraph`: actions in sequence, in parallel or with needs of their own, checked when it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from attrs import evolve

from synapse_core.errors import PipelineError, SchemaIncompatibleError, SynapseError
from synapse_core.pipeline.expressions import OnFailure, is_entrypoint, parse_each, parse_when
from synapse_core.pipeline.layout import Layout, Placed
from synapse_core.pipeline.node import Node, When
from synapse_core.pipeline.order import cycle, topological
from synapse_core.pipeline.plan import Plan, PlanNode
from synapse_core.pipeline.problems import PipelineBuildError, listed, warn

if TYPE_CHECKING:
    from synapse_core.schema import Schema

_COROUTINE = 0x80 | 0x200  # inspect.CO_COROUTINE and CO_ASYNC_GENERATOR, without importing inspect


class PipelineGraph:
    """A pipeline: a directed acyclic graph of actions, checked when it is made.

    A list is a sequence, and a list inside it a set of parallel branches; inside such a set a list (or a tuple) is
    a sequence again::

        PipelineGraph([Download, [TrainA, [TrainB, EvalB]], Compare])

    `Node` says the rest: a name, ``needs`` wherever they lie, retries, resources, ``each`` and ``when``.

    Args:
        actions: classes, decorated functions, specs, entry points, `Node` and lists of them.
        name: what runs of it are called.
        description: for people.
        on_failure: when an action has failed for good: let what runs ``finish`` and start nothing new; ``continue``
            with all that does not depend on it; or ``cancel`` what runs.
        max_parallel: how many actions run at once, at most.
        strict: refuse what would only be warned of.

    Raises:
        PipelineBuildError: it cannot be built; all that is wrong is said at once.
        SchemaIncompatibleError: it is strict, and types or fields do not fit.

    Attributes:
        problems: where types or fields do not fit; there are none in a strict pipeline.
        cautions: where they may not fit.
    """

    def __init__(
        self,
        actions: Iterable[Any],
        *,
        name: str | None = None,
        description: str | None = None,
        on_failure: OnFailure = "finish",
        max_parallel: int | None = None,
        strict: bool = False,
    ) -> None:
        self._name = name
        subject = f"pipeline {self.name!r}"
        wrong = _wrong_options(name, on_failure, max_parallel)
        nodes = _nodes(actions, subject, wrong)
        self._plan = Plan(self.name, nodes, on_failure, max_parallel, bool(strict), description)
        self.problems, self.cautions = _check(self._plan, subject)

    @property
    def name(self) -> str:
        """What runs of it are called."""
        return "pipeline" if self._name is None else self._name

    @property
    def description(self) -> str | None:
        """For people."""
        return self._plan.description

    @property
    def plan(self) -> Plan:
        """What the engine runs."""
        return self._plan

    def named(self, name: str) -> Self:
        """The same pipeline under another name.

        Raises:
            PipelineBuildError: it is no name.
        """
        wrong = _wrong_options(name, self._plan.on_failure, None)
        if wrong:
            raise PipelineBuildError(f"pipeline {self.name!r}", wrong)
        renamed = copy(self)
        renamed._name, renamed._plan = name, evolve(self._plan, name=name)
        return renamed

    def validate_initial_params(self, params: Mapping[str, Any], *, schema: Schema | None = None) -> tuple[str, ...]:
        """Check the params that a run is to start with, as far as can be told before it runs.

        A param that an earlier action gives, or may give, is not asked for.

        Args:
            params: the initial params, JSON data.
            schema: what checks them, where a session has its own.

        Returns:
            What is worth a warning: params that no action knows, and those that only an action without a result
            model could give.

        Raises:
            ValidationError: params are missing or of the wrong type; it names them all and the actions that want them.
        """
        from synapse_core.pipeline.initial import check_initial_params

        return check_initial_params(self._plan, params, schema)

    def graph(
        self,
        format: Literal["text", "mermaid"] = "text",  # noqa: A002  what users call it
        status: Mapping[str, str] | None = None,
        *,
        width: int = 100,
    ) -> str:
        """The pipeline as a drawing for the terminal or as Mermaid text.

        Args:
            format: ``text`` or ``mermaid``.
            status: by node, its `ActionStatus`; shown as a symbol, or as a class in Mermaid.
            width: columns that a text drawing may take.

        Raises:
            ValueError: no such format.
        """
        from synapse_core.pipeline.drawing import draw

        return draw(self._plan, format, status or {}, width)

    def __len__(self) -> int:
        return len(self._plan)

    def __repr__(self) -> str:
        from synapse_core.pipeline.drawing import formula

        named = "" if self._name is None else f"{self._name!r}: "
        return f"{type(self).__name__}({named}{formula(self._plan)})"


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


def _check(plan: Plan, subject: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Problems and cautions, after they have been raised or warned of."""
    from synapse_core.pipeline.checks import Checks
    from synapse_core.pipeline.facts import Facts

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
