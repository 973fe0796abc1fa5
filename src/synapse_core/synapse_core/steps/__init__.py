"""Steps: an action's work in parts that have a name, a share of the progress, and a way back.

::

    class Upload(BaseStep[MyContext]):
        name = "upload"
        progress_weight = 3

        def execute(self, context: MyContext) -> StepResult:
            ids = [context.client.upload(file) for file in context.files]
            return StepResult(rollback_data={"ids": ids})

        def rollback(self, context: MyContext, result: StepResult) -> None:
            for uploaded in result.rollback_data.get("ids", ()):
                context.client.delete(uploaded)

    registry = StepRegistry[MyContext]([Load(), Upload()])
    Orchestrator(registry, MyContext(self.ctx)).execute()
"""

from __future__ import annotations

from synapse_core.steps.context import BaseStepContext
from synapse_core.steps.errors import StepError, StepFailedError
from synapse_core.steps.orchestrator import Orchestrator
from synapse_core.steps.registry import StepRegistry
from synapse_core.steps.step import BaseStep, StepResult
from synapse_core.steps.utils import LoggingStep, TimingStep, ValidationStep

__all__ = [
    "BaseStep",
    "BaseStepContext",
    "LoggingStep",
    "Orchestrator",
    "StepError",
    "StepFailedError",
    "StepRegistry",
    "StepResult",
    "TimingStep",
    "ValidationStep",
]
