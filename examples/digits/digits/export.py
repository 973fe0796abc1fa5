"""export: put the network where it can be used without Synapse."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from attrs import frozen

from synapse_core import BaseAction, PluginCategory
from synapse_core.types import Artifact, ModelWeights

from . import predict
from .network import CLASSES, Network

DATA = {
    "name": "Optical Recognition of Handwritten Digits, test partition",
    "authors": "E. Alpaydin and C. Kaynak (1998), UCI Machine Learning Repository",
    "doi": "10.24432/C50P49",
    "licence": "CC BY 4.0",
}


@frozen
class ExportParams:
    """The network, and what is known of it; all of it comes from the actions before."""

    weights: Path
    chosen: str
    accuracy: float
    confusion: list[list[int]]
    train_images: int
    test_images: int


@frozen
class Exported:
    """Where the model is."""

    model: Path
    accuracy: float


class Export(BaseAction[ExportParams]):
    """Put the network, its labels, a model card and a program that uses it in one folder."""

    category = PluginCategory.EXPORT
    input_type = ModelWeights
    output_type = Artifact
    result_model = Exported

    def execute(self) -> Exported:
        model = self.ctx.pipeline.artifacts / "model"
        model.mkdir(exist_ok=True)
        shutil.copyfile(self.params.weights, model / "weights.npz")
        shutil.copyfile(predict.__file__, model / "predict.py")
        write_json(model / "labels.json", [str(digit) for digit in range(CLASSES)])
        write_json(model / "model_card.json", self.card())
        self.ctx.log_message("to use it: python artifacts/model/predict.py images.csv")
        return Exported(model, self.params.accuracy)

    def card(self) -> dict[str, Any]:
        """What whoever uses the model should know."""
        rows = enumerate(self.params.confusion)
        return {
            "name": f"digits-{self.params.chosen}",
            "task": "reads one handwritten digit in 8×8 pixels, from 0 (paper) to 16 (ink)",
            "layers": [len(weights) for weights in Network.load(self.params.weights).weights] + [CLASSES],
            "accuracy": self.params.accuracy,
            "recall": {str(digit): row[digit] / max(1, sum(row)) for digit, row in rows},
            "images": {"train": self.params.train_images, "test": self.params.test_images},
            "data": DATA,
            "made_by": {"run": self.ctx.run_id, "plugin": "digits 0.1.0"},
        }


def write_json(path: Path, data: Any) -> None:
    """Write data for people and programs to read."""
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
