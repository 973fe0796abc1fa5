"""`BaseTrainAction`: actions that train a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from attrs import define, field

from synapse_core.actiondef import PluginCategory
from synapse_core.actiondef.base import P
from synapse_core.actions.base import ActionContext, StepsAction


@define(eq=False)
class TrainContext(ActionContext):
    """What the steps of a training share.

    Attributes:
        dataset: What is learned from.
        model: The model itself, while it is in memory.
        model_path: Where the trained weights are; part of the outcome.
        metrics: How good it is, by name; part of the outcome.
    """

    outputs: ClassVar[tuple[str, ...]] = ("model_path", "metrics")

    dataset: Any = None
    model: Any = None
    model_path: str | Path | None = None
    metrics: dict[str, Any] = field(factory=dict)


class BaseTrainAction(StepsAction[P]):
    """Trains a model, in steps over a `TrainContext` or in ``execute``."""

    category = PluginCategory.NEURAL_NET
    context_class = TrainContext
