"""`StepsAction`: an action whose work may be made of steps; `ActionContext`: what these share."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import define

from synapse_core.actiondef import BaseAction
from synapse_core.actiondef.base import P
from synapse_core.steps import BaseStepContext, Orchestrator, StepError, StepRegistry


@define(eq=False)
class ActionContext(BaseStepContext):
    """What the steps of one action share.

    Attributes:
        params: The action's params.
        result: What the action is to return. A step sets it; while it is None, the action returns as a dict those of
            the fields named in ``outputs`` that are not None.
    """

    outputs: ClassVar[tuple[str, ...]] = ()

    params: Any = None
    result: Any = None

    def outcome(self) -> Any:
        """What the action returns."""
        if self.result is not None:
            return self.result
        return {name: value for name in self.outputs if (value := getattr(self, name)) is not None}


class StepsAction(BaseAction[P]):
    """An action that overrides `setup_steps` and is made of steps, or overrides ``execute`` and is not.

    Its progress is that of the steps together; a step's own is reported under the step's name.
    """

    context_class: ClassVar[type[ActionContext]] = ActionContext

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Only who has steps has an execute(): these bases, having neither, are not taken for actions themselves.
        if cls.setup_steps is not StepsAction.setup_steps and cls.execute is BaseAction.execute:
            cls.execute = _run_steps  # type: ignore[method-assign, assignment]

    def setup_steps(self, registry: StepRegistry[Any]) -> None:
        """Register the steps, in order."""

    def create_context(self) -> ActionContext:
        """The context that the steps share; override it for a class, or fields, of your own."""
        return self.context_class(self.ctx, params=self.params)

    def run_steps(self) -> Any:
        """Run the steps and return what the context says is the outcome; ``execute`` of an action with steps.

        Raises:
            StepError: No steps were registered, or two have one name.
            StepFailedError: A step failed; what had begun was rolled back.
        """
        registry: StepRegistry[Any] = StepRegistry()
        self.setup_steps(registry)
        if not len(registry):
            raise StepError(
                f"{type(self).__qualname__}.setup_steps() registered no steps",
                hint="register some, or override execute()",
            )
        context = self.create_context()
        Orchestrator(registry, context, self.set_progress).execute()
        return context.outcome()


def _run_steps(self: StepsAction[Any]) -> Any:
    """Run the steps."""
    return self.run_steps()
