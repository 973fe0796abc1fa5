"""train-wide, train-deep: train a network, at two settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from attrs import frozen
from attrs.validators import deep_iterable, ge, gt, min_len

from synapse_core import BaseAction, PluginCategory
from synapse_core.schema import Help
from synapse_core.types import ModelWeights, TabularDataset

from .data import SIDE, Images, load
from .network import CLASSES, Adam, Network

EPOCHS_A_CHECKPOINT = 5

Sizes = Annotated[tuple[int, ...], min_len(1), deep_iterable(ge(1)), Help("the sizes of the hidden layers")]


@frozen
class TrainParams:
    """What a training can be told."""

    dataset: Annotated[Path, Help("the arrays that convert made")]
    epochs: Annotated[int, ge(1), Help("passes over the images")] = 40
    hidden: Sizes = (64,)
    learning_rate: Annotated[float, gt(0), Help("how far a step goes")] = 0.001
    batch_size: Annotated[int, ge(1), Help("images a step")] = 32
    seed: Annotated[int, ge(0), Help("the same seed gives the same network")] = 7


@frozen
class Trained:
    """A network that has learned, and how good it is on images that it has not learned from."""

    weights: Path
    layers: list[int]
    validation_accuracy: float
    validation_loss: float


class Train(BaseAction[TrainParams]):
    """Train a network to read digits; goes on from the last checkpoint if it is started again."""

    category = PluginCategory.NEURAL_NET
    input_type = TabularDataset
    output_type = ModelWeights
    result_model = Trained

    def execute(self) -> Trained:
        train, validation = (load(self.params.dataset, part) for part in ("train", "validation"))
        layers = [SIDE * SIDE, *self.params.hidden, CLASSES]
        network = Network.new(layers, np.random.default_rng(self.params.seed))
        adam = Adam(network.parameters, self.params.learning_rate)
        done = self.restore(adam)
        for epoch in range(done + 1, self.params.epochs + 1):
            self.learn(network, adam, train, epoch)
            self.report(network, train, validation, epoch)
            if epoch % EPOCHS_A_CHECKPOINT == 0:
                self.keep(adam, epoch)
        weights = self.ctx.pipeline.models / f"{self.ctx.action}.npz"
        network.save(weights)
        loss, accuracy = network.score(validation)
        return Trained(weights, layers, accuracy, loss)

    def learn(self, network: Network, adam: Adam, train: Images, epoch: int) -> None:
        """One pass over all images, in an order that only the seed and the epoch decide."""
        order = np.random.default_rng([self.params.seed, epoch]).permutation(len(train))
        for start in range(0, len(order), self.params.batch_size):
            batch = train[order[start : start + self.params.batch_size]]
            adam.step(network.gradients(batch))

    def report(self, network: Network, train: Images, validation: Images, epoch: int) -> None:
        """Say how far the training is, and how good the network has become."""
        loss, accuracy = network.score(validation)
        self.set_metrics({"val_accuracy": accuracy, "val_loss": loss}, category="validation")
        loss, accuracy = network.score(train[: len(validation)])
        self.set_metrics({"accuracy": accuracy, "loss": loss}, category="train")
        self.set_progress(epoch, self.params.epochs, "epochs")

    def keep(self, adam: Adam, epoch: int) -> None:
        """Save what it takes to go on from here: the arrays in a file, the rest as mid-way state."""
        file = self.ctx.work_dir / f"epoch-{epoch:04}.npz"
        np.savez(file, *adam.arrays)
        self.ctx.save_checkpoint({"epoch": epoch, "steps": adam.steps, "hidden": list(self.params.hidden)}, file)

    def restore(self, adam: Adam) -> int:
        """Take up what an earlier attempt has saved; the epochs that are done."""
        state, file = self.ctx.load_checkpoint(), self.ctx.checkpoint_artifacts
        if state is None or file is None or state["hidden"] != list(self.params.hidden):
            return 0
        with np.load(file) as kept:
            for array, value in zip(adam.arrays, kept.values(), strict=True):
                array[...] = value
        adam.steps = state["steps"]
        self.set_progress(state["epoch"], self.params.epochs, "epochs")
        self.ctx.log_message(f"going on after epoch {state['epoch']}")
        return int(state["epoch"])


@frozen
class WideParams(TrainParams):
    """One wide layer."""

    hidden: Sizes = (192,)


class TrainWide(Train):
    """Train a network with one wide layer."""

    action_name = "train-wide"
    params_model = WideParams


@frozen
class DeepParams(TrainParams):
    """Three narrow layers."""

    hidden: Sizes = (64, 48, 32)


class TrainDeep(Train):
    """Train a network with three narrow layers."""

    action_name = "train-deep"
    params_model = DeepParams
