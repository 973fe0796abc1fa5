"""The images as arrays, in one ``.npz`` file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

SIDE = 8
"""An image has 8×8 pixels."""


@frozen(eq=False)
class Images:
    """Images and the digits that they show.

    Attributes:
        pixels: of shape (images, 64), from 0 (paper) to 1 (ink).
        labels: of shape (images,), from 0 to 9.
    """

    pixels: Floats
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, which: Any) -> Images:
        return Images(self.pixels[which], self.labels[which])


def read_table(path: Path) -> Images:
    """The images of a table: a line has 64 pixels from 0 to 16, then the digit. ``.gz`` is unpacked."""
    table = np.loadtxt(path, delimiter=",", dtype=np.int64, ndmin=2)
    return Images((table[:, :-1] / 16).astype(np.float32), table[:, -1])


def save(path: Path, **parts: Images) -> None:
    """Write the parts (``train``, ``validation``, ``test``) to one file."""
    arrays: dict[str, Any] = {f"{name}_pixels": part.pixels for name, part in parts.items()}
    arrays |= {f"{name}_labels": part.labels for name, part in parts.items()}
    np.savez_compressed(path, **arrays)


def load(path: Path, part: str) -> Images:
    """One part of what `save` wrote."""
    with np.load(path) as file:
        return Images(file[f"{part}_pixels"], file[f"{part}_labels"])
