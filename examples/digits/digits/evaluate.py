"""evaluate: choose the better network, and try it on images that none of them has seen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from attrs import frozen

from synapse_core import BaseAction
from synapse_core.schema import Help
from synapse_core.types import ModelWeights

from . import confusion
from .data import load
from .network import Network
from .train import Trained


@frozen
class EvaluateParams:
    """The networks; each is bound to the whole result of the action that trained it."""

    dataset: Path
    wide: Annotated[Trained, Help("what train-wide gave")]
    deep: Annotated[Trained, Help("what train-deep gave")]


@frozen
class Evaluated:
    """The network that was chosen, and how good it is on the held-out images."""

    weights: Path
    chosen: str
    accuracy: float
    confusion: list[list[int]]
    drawing: Path


class Evaluate(BaseAction[EvaluateParams]):
    """Choose the better network on the validation images, and try it on the test images."""

    input_type = ModelWeights
    output_type = ModelWeights
    result_model = Evaluated

    def execute(self) -> Evaluated:
        candidates = {"wide": self.params.wide, "deep": self.params.deep}
        chosen = max(candidates, key=lambda name: candidates[name].validation_accuracy)
        test = load(self.params.dataset, "test")
        networks = {name: Network.load(trained.weights) for name, trained in candidates.items()}
        self.set_metrics({name: network.score(test)[1] for name, network in networks.items()}, category="test accuracy")
        counts = confusion.count(test.labels, networks[chosen].predict(test.pixels))
        drawing = self.ctx.pipeline.artifacts / "confusion.svg"
        drawing.write_text(confusion.as_svg(counts), encoding="utf-8")
        self.log(f"what the {chosen} network made of each digit", {"matrix": confusion.as_text(counts)})
        self.ctx.log_message(confusion.summary(counts))
        return Evaluated(candidates[chosen].weights, chosen, confusion.accuracy(counts), counts, drawing)
