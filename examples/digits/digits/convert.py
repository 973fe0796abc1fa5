"""convert: from a table to arrays in three parts, with more images to learn from than there were."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from attrs import frozen
from attrs.validators import ge, le, lt

from synapse_core import BaseAction
from synapse_core.schema import Help
from synapse_core.types import TabularDataset

from .data import SIDE, Floats, Images, read_table, save


@frozen
class ConvertParams:
    """How to split the images, and how many to make."""

    table: Annotated[Path, Help("64 pixels and a digit a line, as download gives it")]
    held_out: Annotated[float, ge(0.05), lt(0.5), Help("the part for validation, and as much again for the test")] = 0.2
    copies: Annotated[int, ge(0), le(100), Help("distorted copies of each image to learn from")] = 20
    seed: Annotated[int, ge(0), Help("the same seed gives the same result")] = 7


@frozen
class Converted:
    """Where the arrays are, and how many images each part has."""

    dataset: Path
    train_images: int
    validation_images: int
    test_images: int


class Convert(BaseAction[ConvertParams]):
    """Split the images for training, validation and test, and make distorted copies of the first."""

    input_type = TabularDataset
    output_type = TabularDataset
    result_model = Converted

    def execute(self) -> Converted:
        rng = np.random.default_rng(self.params.seed)
        images = read_table(self.params.table)
        order, held_out = rng.permutation(len(images)), int(len(images) * self.params.held_out)
        test, validation = images[order[:held_out]], images[order[held_out : 2 * held_out]]
        train = self.with_copies(images[order[2 * held_out :]], rng)
        dataset = self.ctx.pipeline.datasets / "digits.npz"
        save(dataset, train=train, validation=validation, test=test)
        self.ctx.log_message(f"{len(train):,} images, {len(validation)} and {len(test)} held out")
        return Converted(dataset, len(train), len(validation), len(test))

    def with_copies(self, images: Images, rng: np.random.Generator) -> Images:
        """The images, and distorted copies of each."""
        pixels = [images.pixels]
        for copy in range(self.params.copies):
            pixels.append(distorted(images.pixels, rng))
            self.set_progress(copy + 1, self.params.copies, "copies")
        return Images(np.concatenate(pixels), np.tile(images.labels, len(pixels)))


def distorted(pixels: Floats, rng: np.random.Generator) -> Floats:
    """The images turned, stretched, slanted and moved a little, as other hands would have written them."""
    count = len(pixels)
    turn, slant = rng.normal(0, 0.15, count), rng.normal(0, 0.1, count)
    stretch, move = np.exp(rng.normal(0, 0.08, (2, count))), rng.normal(0, 0.3, (2, count))
    y, x = np.mgrid[:SIDE, :SIDE].reshape(2, 1, -1) - (SIDE - 1) / 2
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    from_x = stretch[0][:, None] * (cos * x - sin * y) + slant[:, None] * y + move[0][:, None]
    from_y = stretch[1][:, None] * (sin * x + cos * y) + move[1][:, None]
    return sampled(pixels, from_x + (SIDE - 1) / 2, from_y + (SIDE - 1) / 2)


def sampled(pixels: Floats, x: Floats, y: Floats) -> Floats:
    """The images' values at places between the pixels; paper outside."""
    padded = np.pad(pixels.reshape(-1, SIDE, SIDE), ((0, 0), (1, 2), (1, 2)))
    x, y = np.clip(x + 1, 0, SIDE + 1), np.clip(y + 1, 0, SIDE + 1)
    column, row, image = x.astype(int), y.astype(int), np.arange(len(pixels))[:, None]
    right, down = x - column, y - row
    upper = (1 - right) * padded[image, row, column] + right * padded[image, row, column + 1]
    lower = (1 - right) * padded[image, row + 1, column] + right * padded[image, row + 1, column + 1]
    values: Floats = ((1 - down) * upper + down * lower).astype(np.float32)
    return values
