"""The actions that are run on workers, and the same as functions."""

from __future__ import annotations

import time
from typing import Any

from synapse_core import RuntimeContext, action


def nothing(x: int) -> dict[str, Any]:
    """What the no-op does."""
    return {"x": x}


@action("noop")
def noop(params: dict[str, Any], _ctx: RuntimeContext) -> dict[str, Any]:
    """Take params, give a result, and nothing else."""
    return {"x": params["x"]}


def fill(size: int) -> str:
    """So many bytes."""
    return "x" * size


def count(text: str) -> int:
    """How many there are."""
    return len(text)


@action("make")
def make(params: dict[str, Any], _ctx: RuntimeContext) -> dict[str, Any]:
    """Give so many bytes."""
    return {"text": fill(params["size"])}


@action("take")
def take(params: dict[str, Any], _ctx: RuntimeContext) -> dict[str, Any]:
    """Take them."""
    return {"length": count(params["text"])}


_STEP = 1e-3
"""Seconds of work between two reports."""


@action("work")
def work(params: dict[str, Any], ctx: RuntimeContext) -> dict[str, float]:
    """Work in small steps, and say so after each if that is wanted; the CPU that a step took, reporting included."""
    steps, says = params["steps"], params["says"]
    begun = time.process_time()
    for step in range(steps):
        _spin(params["turns"])
        if says:
            ctx.set_progress(step, steps)
    return {"step": (time.process_time() - begun) / steps}


def turns() -> int:
    """How many turns of `_spin` a step takes on this machine."""
    begun = time.process_time()
    _spin(1_000_000)
    return int(1_000_000 * _STEP / (time.process_time() - begun))


def _spin(turns: int) -> None:
    for _ in range(turns):
        pass
