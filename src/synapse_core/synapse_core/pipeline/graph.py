"""`PipelineGraph`: actions in sequence, in parallel or with needs of their own, checked when it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from synapse_core.pipeline.plan import OnFailure, Plan
    from synapse_core.schema import Schema


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
        from synapse_core.pipeline.build import build_plan, check_plan

        options = {"on_failure": on_failure, "max_parallel": max_parallel, "strict": bool(strict)}
        self._named = name is not None
        self._plan = build_plan(actions, name, description, **options)
        self.problems, self.cautions = check_plan(self._plan)

    @property
    def name(self) -> str:
        """What runs of it are called."""
        return self._plan.name

    @property
    def description(self) -> str | None:
        """For people."""
        return self._plan.description

    @property
    def plan(self) -> Plan:
        """What the engine runs."""
        return self._plan

    @classmethod
    def of_plan(cls, plan: Plan) -> Self:
        """The pipeline that a plan, a stored one say, was made of; checked as a new one is.

        Raises:
            PipelineBuildError: an action cannot be loaded any more, or a binding leads nowhere.
        """
        from synapse_core.pipeline.build import check_plan

        graph = cls.__new__(cls)
        graph._named, graph._plan = True, plan
        graph.problems, graph.cautions = check_plan(plan)
        return graph

    def named(self, name: str) -> Self:
        """The same pipeline under another name.

        Raises:
            PipelineBuildError: it is no name.
        """
        from synapse_core.pipeline.build import rename

        renamed = copy(self)
        renamed._named, renamed._plan = True, rename(self._plan, name)
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

        named = f"{self.name!r}: " if self._named else ""
        return f"{type(self).__name__}({named}{formula(self._plan)})"
