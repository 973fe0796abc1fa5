"""`BaseStep` and `StepResult`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import field, frozen

from synapse_core.events import now

if TYPE_CHECKING:
    from synapse_core.steps.context import BaseStepContext

C = TypeVar("C", bound="BaseStepContext")


@frozen
class StepResult:
    """How a step went.

    Attributes:
        success: False makes the workflow fail and roll back.
        data: What the step found out, for the steps after it: ``context.step_results["load"].data``.
        error: Why it did not succeed.
        rollback_data: What `BaseStep.rollback` will need.
        skipped: There was nothing to do, so there is nothing to roll back.
        timestamp: When it ended, in UTC.
    """

    success: bool = True
    data: Mapping[str, Any] = field(factory=dict)
    error: str | None = None
    rollback_data: Mapping[str, Any] = field(factory=dict)
    skipped: bool = False
    timestamp: datetime = field(factory=now)


def as_result(returned: Any) -> StepResult:
    """What a step's `execute` returned, if it is what it should be.

    Raises:
        TypeError: It is something else; a coroutine is closed.
    """
    if isinstance(returned, StepResult):
        return returned
    if isinstance(returned, Coroutine):
        returned.close()
        raise TypeError("execute() is async; a step's is not")
    raise TypeError(f"execute() returned {returned!r}, not a StepResult")


class BaseStep(ABC, Generic[C]):
    """One part of a workflow, over a context that all its steps share.

    ``name`` and ``progress_weight`` may be plain class attributes.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """What the step is called; no two steps of a workflow are called alike."""

    @property
    def progress_weight(self) -> float:
        """The step's share of the progress, relative to the other steps'; 0 or more."""
        return 1.0

    @abstractmethod
    def execute(self, context: C) -> StepResult:
        """Do the work. Raising fails the step, as ``StepResult(success=False, error=…)`` does."""

    def can_skip(self, context: C) -> bool:
        """Whether there is nothing to do; asked right before `execute` would be called."""
        return False

    def rollback(self, context: C, result: StepResult) -> None:
        """Undo what `execute` did, as this or a later step failed or was stopped. By default, nothing.

        It is called for the failing step too, which may be half done. If that one raised, ``result`` has no
        ``rollback_data``: what a rollback needs in any case is best kept on the context while it comes to be.
        """
