"""`BaseInferenceAction`: actions that put a model to use."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from attrs import define, field

from synapse_core.actiondef import PluginCategory
from synapse_core.actiondef.base import P
from synapse_core.actions.base import ActionContext, StepsAction


@define(eq=False)
class InferenceContext(ActionContext):
    """What the steps of an inference share.

    Attributes:
        model: The model, once it is loaded.
        model_path: Where it is loaded from.
        requests: What it is asked.
        results: What it says, in the order of the requests; part of the outcome.
        processed_count: How many requests are done; part of the outcome.
    """

    outputs: ClassVar[tuple[str, ...]] = ("results", "processed_count")

    model: Any = None
    model_path: str | Path | None = None
    requests: list[Any] = field(factory=list)
    results: list[Any] = field(factory=list)
    processed_count: int = 0


class BaseInferenceAction(StepsAction[P]):
    """Puts a model to use, in steps over an `InferenceContext` or in ``execute``."""

    category = PluginCategory.NEURAL_NET
    context_class = InferenceContext
