"""A neural network in numpy: fully connected layers with ReLU, and Adam to train it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
from attrs import Factory, define

from .data import Floats, Images, Labels

CLASSES = 10


@define(eq=False)
class Network:
    """Layers of weights of shape (in, out), and of biases of shape (out,)."""

    weights: list[Floats]
    biases: list[Floats]

    @classmethod
    def new(cls, sizes: list[int], rng: np.random.Generator) -> Self:
        """A network that has learned nothing yet; ``sizes`` from the pixels to the classes."""
        shapes = list(pairwise(sizes))
        weights = [rng.normal(0, np.sqrt(2 / shape[0]), shape).astype(np.float32) for shape in shapes]
        return cls(weights, [np.zeros(size, np.float32) for size in sizes[1:]])

    @property
    def parameters(self) -> list[Floats]:
        """All that is learned."""
        return [*self.weights, *self.biases]

    def forward(self, pixels: Floats) -> list[Floats]:
        """What comes out of each layer, the pixels first; last the probability of each digit."""
        outputs = [pixels]
        for weights, biases in zip(self.weights[:-1], self.biases[:-1], strict=True):
            outputs.append(np.maximum(outputs[-1] @ weights + biases, 0))
        logits = outputs[-1] @ self.weights[-1] + self.biases[-1]
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return [*outputs, odds / odds.sum(axis=1, keepdims=True)]

    def predict(self, pixels: Floats) -> Labels:
        """The digit that each image most likely shows."""
        digits: Labels = self.forward(pixels)[-1].argmax(axis=1)
        return digits

    def score(self, images: Images) -> tuple[float, float]:
        """The mean loss (cross-entropy), and the part of the images that is read rightly."""
        chances = self.forward(images.pixels)[-1]
        of_truth = chances[np.arange(len(images)), images.labels]
        loss = -np.log(np.maximum(of_truth, 1e-12)).mean()
        return float(loss), float((chances.argmax(axis=1) == images.labels).mean())

    def gradients(self, images: Images) -> list[Floats]:
        """How the loss changes with each of the `parameters`."""
        *outputs, chances = self.forward(images.pixels)
        error: Floats = (chances - np.eye(CLASSES, dtype=np.float32)[images.labels]) / np.float32(len(images))
        by_weights: list[Floats] = []
        by_biases: list[Floats] = []
        for layer in reversed(range(len(self.weights))):
            by_weights.insert(0, outputs[layer].T @ error)
            by_biases.insert(0, error.sum(axis=0))
            error = (error @ self.weights[layer].T) * (outputs[layer] > 0)
        return [*by_weights, *by_biases]

    def save(self, path: Path) -> None:
        """Write all that was learned to an ``.npz`` file: the weights of each layer, then the biases."""
        np.savez(path, *self.parameters)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote."""
        with np.load(path) as file:
            arrays = list(file.values())
        return cls(arrays[: len(arrays) // 2], arrays[len(arrays) // 2 :])


@define(eq=False)
class Adam:
    """Changes a network's parameters in place, each at its own pace (Kingma & Ba, 2015)."""

    parameters: list[Floats]
    rate: float
    steps: int = 0
    means: list[Floats] = Factory(lambda self: [np.zeros_like(p) for p in self.parameters], takes_self=True)
    squares: list[Floats] = Factory(lambda self: [np.zeros_like(p) for p in self.parameters], takes_self=True)

    @property
    def arrays(self) -> list[Floats]:
        """All that changes, beside the number of steps."""
        return [*self.parameters, *self.means, *self.squares]

    def step(self, gradients: list[Floats]) -> None:
        """Go one step down the gradients."""
        self.steps += 1
        pace = self.rate * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        for i, gradient in enumerate(gradients):
            self.means[i] += 0.1 * (gradient - self.means[i])
            self.squares[i] += 0.001 * (gradient * gradient - self.squares[i])
            self.parameters[i] -= pace * self.means[i] / (np.sqrt(self.squares[i]) + 1e-8)
