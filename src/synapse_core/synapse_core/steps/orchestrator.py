"""`Orchestrator`: runs steps in order, and undoes them when one fails or the work is stopped."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import accumulate
from typing import Any, Generic

from attrs import define

from synapse_core.models import LogLevel
from synapse_core.steps.errors import StepFailedError, describe, type_of
from synapse_core.steps.registry import StepRegistry
from synapse_core.steps.step import BaseStep, C, StepResult, as_result

ProgressCallback = Callable[[float, float], None]


@define(eq=False)
class _Ran(Generic[C]):
    """A step whose `execute` was entered."""

    name: str
    step: BaseStep[C]
    result: StepResult


class Orchestrator(Generic[C]):
    """Runs the steps of a registry in order, over one context.

    When one fails (it raises, says ``success=False``, or its ``can_skip`` raises), or when the work is stopped by
    Ctrl-C or a cancel, every step that had begun is rolled back, the last one first: the failing one included,
    skipped ones never.

    Args:
        registry: The steps; what is registered later than `execute` begins is not seen.
        context: What they share.
        progress_callback: Is given the progress of the whole as ``(percent, 100)``: after each step, and within one
            as it calls ``context.set_progress``.
    """

    def __init__(
        self, registry: StepRegistry[C], context: C, progress_callback: ProgressCallback | None = None
    ) -> None:
        self.registry = registry
        self.context = context
        self.progress_callback = progress_callback

    def execute(self) -> dict[str, Any]:
        """Run the steps.

        Returns:
            ``success`` (always True), ``steps_executed``, ``steps_skipped`` and ``steps_total``.

        Raises:
            StepFailedError: A step failed; what it raised is the ``__cause__``.
            BaseException: What is no `Exception` (``KeyboardInterrupt``, `ActionCancelled`) as it is, after the
                rollback; one that comes while a failure is rolled back, with that failure as its ``__cause__``.
        """
        return _Execution(self.context, list(self.registry), self.progress_callback).run()


class _Execution(Generic[C]):
    """One time through the steps."""

    def __init__(self, context: C, steps: list[BaseStep[C]], callback: ProgressCallback | None) -> None:
        self._context = context
        self._steps = steps
        self._callback = callback
        weights = [step.progress_weight for step in steps]
        self._weights = weights if sum(weights) else [1.0] * len(steps)
        self._before = [0.0, *accumulate(self._weights)]
        self._ran: list[_Ran[C]] = []
        self._skipped = 0

    def run(self) -> dict[str, Any]:
        try:
            for place, step in enumerate(self._steps):
                self._enter(step.name, partial(self._report, place))
                self._step(step)
                self._report(place, 1.0)
        except BaseException as error:
            interrupt = self._roll_back(error)
            if interrupt is not None and isinstance(error, Exception):
                raise interrupt from error
            raise
        finally:
            self._enter(None, None)
            self._context._rolling_back = False
        total = len(self._steps)
        done = total - self._skipped
        return {"success": True, "steps_executed": done, "steps_skipped": self._skipped, "steps_total": total}

    def _enter(self, name: str | None, on_progress: Callable[[float], None] | None) -> None:
        self._context.current_step = name
        self._context._on_progress = on_progress

    def _report(self, place: int, part: float) -> None:
        if self._callback is not None:
            done = self._before[place] + self._weights[place] * part
            self._callback(100.0 * (done / self._before[-1]), 100.0)

    # -- forwards ---------------------------------------------------------------------------------------------

    def _step(self, step: BaseStep[C]) -> None:
        name = step.name
        if self._can_skip(step):
            self._skipped += 1
            self._context.step_results[name] = StepResult(skipped=True)
            return
        ran = _Ran(name, step, StepResult(success=False, error="it did not come to an end"))
        self._ran.append(ran)  # before it begins: whatever happens from here on is to be undone
        ran.result = self._context.step_results[name] = self._executed(ran)
        if ran.result.skipped:
            self._skipped += 1
            self._ran.pop()
        if not ran.result.success:
            raise self._failed(name, ran.result.error or "it does not say why", ran.result)

    def _can_skip(self, step: BaseStep[C]) -> bool:
        try:
            return step.can_skip(self._context)
        except Exception as error:
            raise self._failed(step.name, f"in can_skip: {describe(error)}", error=error) from error

    def _executed(self, ran: _Ran[C]) -> StepResult:
        try:
            return as_result(ran.step.execute(self._context))
        except BaseException as error:
            ran.result = self._context.step_results[ran.name] = StepResult(success=False, error=describe(error))
            if not isinstance(error, Exception):
                self._context.errors.append(f"step {ran.name!r} was stopped: {describe(error)}")
                raise
            raise self._failed(ran.name, describe(error), ran.result, error) from error

    def _failed(
        self, name: str, why: str, result: StepResult | None = None, error: Exception | None = None
    ) -> StepFailedError:
        message = f"step {name!r} failed: {why}"
        self._context.errors.append(message)
        return StepFailedError(message, step=name, result=result, error_type=type_of(error) if error else "")

    # -- and back ---------------------------------------------------------------------------------------------

    def _roll_back(self, error: BaseException) -> BaseException | None:
        """Undo what began; give the interrupt that came meanwhile, if one did."""
        self._context._rolling_back = True
        failures = [failure for ran in reversed(self._ran) if (failure := self._undo(ran, error)) is not None]
        if isinstance(error, StepFailedError):
            error.rollback_errors = tuple(failures)
        return next((failure for failure in failures if not isinstance(failure, Exception)), None)

    def _undo(self, ran: _Ran[C], error: BaseException) -> BaseException | None:
        self._enter(ran.name, None)
        try:
            ran.step.rollback(self._context, ran.result)
        except BaseException as failure:  # noqa: BLE001  even a second Ctrl-C: the other steps are to be undone too
            self._tell(f"the rollback of step {ran.name!r} failed: {describe(failure)}", error)
            return failure
        return None

    def _tell(self, message: str, error: BaseException) -> None:
        self._context.errors.append(message)
        with suppress(Exception):  # telling of it must not keep the other steps from being undone
            error.add_note(message)
            self._context.log(message, level=LogLevel.ERROR)
