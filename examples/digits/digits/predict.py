"""Reads handwritten digits with the model beside this file; needs numpy and nothing else.

python predict.py images.csv     # a line an image: 64 pixels from 0 to 16; a 65th number is ignored
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def read_digits(table: str) -> list[str]:
    """The label of each image in the table."""
    values = np.loadtxt(table, delimiter=",", ndmin=2)[:, :64] / 16
    with np.load(HERE / "weights.npz") as model:
        arrays = list(model.values())
    *hidden, (weights, biases) = zip(arrays, arrays[len(arrays) // 2 :], strict=False)
    for layer_weights, layer_biases in hidden:
        values = np.maximum(values @ layer_weights + layer_biases, 0)
    scores = values @ weights + biases
    labels: list[str] = json.loads((HERE / "labels.json").read_text(encoding="utf-8"))
    return [labels[digit] for digit in scores.argmax(axis=1)]


if __name__ == "__main__":
    print("\n".join(read_digits(sys.argv[1])))
