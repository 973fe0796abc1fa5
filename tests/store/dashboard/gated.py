"""Pipelines that go on a step at a time, when a test lets them."""

from __future__ import annotations

import threading
from typing import Any

import attrs

from synapse_core import ActionPipeline, BaseAction, Node, Retry

GATES: dict[str, threading.Semaphore] = {}


@attrs.frozen
class Steps:
    gate: str
    steps: int = 10
    note: str = ""


def pass_through(action: BaseAction[Any], gate: str) -> None:
    """Wait until the test lets one step through, or the run is cancelled."""
    while not GATES[gate].acquire(timeout=0.05):
        action.ctx.check()


def new_gate(gate: str, steps: int = 0) -> threading.Semaphore:
    """A new gate that lets so many steps through, and more as it is released."""
    GATES[gate] = threading.Semaphore(steps)
    return GATES[gate]


class Prepare(BaseAction[Steps]):
    def execute(self) -> dict[str, Any]:
        self.logger.info("prepared %s", self.params.note)
        return {"parts": [1, 2, 3]}


class Train(BaseAction[Steps]):
    def execute(self) -> dict[str, Any]:
        for step in range(1, self.params.steps + 1):
            pass_through(self, self.params.gate)
            self.set_progress(step, self.params.steps)
            self.set_metrics({"loss": 1 / step})
            self.logger.warning("step %d is done", step)
        return {"steps": self.params.steps, "best": self.params.note}


@attrs.frozen
class Part:
    parts: int


class Square(BaseAction[Part]):
    def execute(self) -> int:
        return self.params.parts**2


class Refuse(BaseAction[Steps]):
    def execute(self) -> None:
        raise ValueError(f"cannot use {self.params.note}")


class Flaky(BaseAction[Steps]):
    tries = 0

    def execute(self) -> dict[str, Any]:
        if self.ctx.attempt == 1:
            raise ConnectionError("the first attempt never works")
        return {"flaky": True}


def training(name: str = "digits") -> ActionPipeline:
    """One action, then a fan-out beside one that waits at its gate."""
    branches = [Node(Square, name="square", each="parts"), Node(Train, name="train")]
    return ActionPipeline([Node(Prepare, name="prepare"), branches], name=name)


def failing(name: str = "refused") -> ActionPipeline:
    """One action that is tried twice, one that fails, and one that is never reached."""
    flaky = Node(Flaky, name="flaky", retry=Retry(max_attempts=2, delay=0))
    return ActionPipeline([flaky, Node(Refuse, name="refuse"), Node(Prepare, name="prepare")], name=name)
