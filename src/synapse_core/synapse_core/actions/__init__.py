"""Bases for common kinds of actions, with or without steps.

Write ``execute`` as in any action, or register steps, and the action runs them and undoes them when one fails::

    class Train(BaseTrainAction[TrainParams]):
        def setup_steps(self, registry: StepRegistry[TrainContext]) -> None:
            registry.register(LoadDataset())
            registry.register(FitModel())

    class FitModel(BaseStep[TrainContext]):
        name = "fit"
        progress_weight = 8

        def execute(self, context: TrainContext) -> StepResult:
            context.model_path = fit(context.dataset, context.params.epochs)
            return StepResult()

For another kind of action, subclass `StepsAction` and `ActionContext`.
"""

from __future__ import annotations

from synapse_core.actions.base import ActionContext, StepsAction
from synapse_core.actions.export import BaseExportAction, ExportContext
from synapse_core.actions.inference import BaseInferenceAction, InferenceContext
from synapse_core.actions.train import BaseTrainAction, TrainContext
from synapse_core.actions.upload import BaseUploadAction, UploadContext

__all__ = [
    "ActionContext",
    "BaseExportAction",
    "BaseInferenceAction",
    "BaseTrainAction",
    "BaseUploadAction",
    "ExportContext",
    "InferenceContext",
    "StepsAction",
    "TrainContext",
    "UploadContext",
]
