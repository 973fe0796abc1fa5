"""Steps that come ready: `LoggingStep` and `TimingStep` around a step of yours, `ValidationStep` around a function."""

from __future__ import annotations

from collections.abc import Callable, Collection
from time import perf_counter
from typing import Any

from attrs import evolve

from synapse_core.models import LogLevel
from synapse_core.steps.errors import describe
from synapse_core.steps.step import BaseStep, C, StepResult, as_result

Verdict = bool | tuple[bool, str | None]
"""Whether the context is as it should be; and, in a tuple, what is wrong with it."""


class WrappedStep(BaseStep[C]):
    """Stands for another step, under its name, weight and rules; a base for wrappers of your own."""

    def __init__(self, step: BaseStep[C]) -> None:
        self.step = step

    @property
    def name(self) -> str:
        """The name of the step within: wrapping a step does not change how others refer to it."""
        return self.step.name

    @property
    def progress_weight(self) -> float:
        """The weight of the step within."""
        return self.step.progress_weight

    def execute(self, context: C) -> StepResult:
        """Run the step within."""
        return self.step.execute(context)

    def can_skip(self, context: C) -> bool:
        """Whether the step within can be skipped."""
        return self.step.can_skip(context)

    def rollback(self, context: C, result: StepResult) -> None:
        """Undo the step within."""
        self.step.rollback(context, result)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.step!r})"


class LoggingStep(WrappedStep[C]):
    """Logs ``step_start``, and ``step_end`` or ``step_failed``, of the step within; and ``step_rollback``."""

    # By the logger itself, which a cancelled action may still use: a log line must not cost the step its result.

    def execute(self, context: C) -> StepResult:
        """Run the step within, with a line before and one after."""
        context.logger.log("step_start", {"step": self.name})
        started = perf_counter()
        try:
            result = as_result(self.step.execute(context))
        except BaseException as error:
            data = {"step": self.name, "elapsed": perf_counter() - started, "error": describe(error)}
            context.logger.log("step_failed", data, LogLevel.ERROR)
            raise
        data = {"elapsed": perf_counter() - started, "success": result.success, "skipped": result.skipped}
        context.logger.log("step_end", {"step": self.name, **data})
        return result

    def rollback(self, context: C, result: StepResult) -> None:
        """Undo the step within, and say so."""
        context.logger.log("step_rollback", {"step": self.name}, LogLevel.WARNING)
        self.step.rollback(context, result)


class TimingStep(WrappedStep[C]):
    """Adds ``duration_seconds`` to the data of the result of the step within."""

    def execute(self, context: C) -> StepResult:
        """Run the step within, by the clock."""
        started = perf_counter()
        result = as_result(self.step.execute(context))
        return evolve(result, data={**result.data, "duration_seconds": perf_counter() - started})


class ValidationStep(BaseStep[C]):
    """Fails the workflow unless ``validator`` finds the context as it should be.

    Args:
        validator: Is given the context; returns whether it is right, or ``(False, "what is wrong")``.
        name: The step's name.
        progress_weight: Its share of the progress.
    """

    def __init__(
        self, validator: Callable[[C], Verdict], name: str = "validate", progress_weight: float = 0.05
    ) -> None:
        self._validator = validator
        self._name = name
        self._weight = progress_weight

    @property
    def name(self) -> str:
        """The name that was given."""
        return self._name

    @property
    def progress_weight(self) -> float:
        """The weight that was given."""
        return self._weight

    def execute(self, context: C) -> StepResult:
        """Ask the validator."""
        valid, why = _told(self._validator(context))
        return StepResult() if valid else StepResult(success=False, error=why or "the context is not valid")


def _told(verdict: Any) -> tuple[bool, str | None]:
    """The verdict, and what is wrong; a list of faults, say, is true, and must not pass for one."""
    valid, why = verdict if isinstance(verdict, tuple) and len(verdict) == 2 else (verdict, None)
    if valid is None or isinstance(valid, str | Collection):
        raise TypeError(f'the validator returned {verdict!r}, not True, False or (False, "what is wrong")')
    return valid, why
