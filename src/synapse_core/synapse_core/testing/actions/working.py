"""Actions that do what they should: typed, untyped, async, reporting, saving where they are."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from typing import Any

from attrs import define

from synapse_core.actiondef import BaseAction, action
from synapse_core.context import RuntimeContext


@action("echo")
def echo(params: dict[str, Any], _context: RuntimeContext) -> dict[str, Any]:
    """Returns its params."""
    return params


@define
class AddParams:
    """Two numbers."""

    a: float
    b: float = 1.0


@define
class Sum:
    """Their sum."""

    total: float


class Add(BaseAction[AddParams]):
    """Adds two numbers: typed params in, typed result out."""

    result_model = Sum

    def execute(self) -> Sum:
        """The sum."""
        return Sum(self.params.a + self.params.b)


@action("async_echo")
async def async_echo(params: dict[str, Any], context: RuntimeContext) -> dict[str, Any]:
    """Returns its params, having waited on a loop."""
    await asyncio.sleep(0)
    context.set_progress(1, 1)
    return params


@action("value")
def value(params: dict[str, Any], _context: RuntimeContext) -> Any:
    """Returns the param ``value``, which may be no mapping."""
    return params.get("value")


@action("describe")
def describe(_params: dict[str, Any], context: RuntimeContext) -> dict[str, Any]:
    """Returns what its context says of it, and which process it is; of the environment only ``SAMPLE``."""
    return {
        "run_id": context.run_id,
        "action": context.action,
        "attempt": context.attempt,
        "job_id": context.job_id,
        "sample": context.env.get("SAMPLE"),
        "work_dir": str(context.work_dir),
        "pid": os.getpid(),
        "python": sys.executable,
        "thread": threading.current_thread().name,
    }


@action("autologging")
def autologging(_params: dict[str, Any], context: RuntimeContext) -> dict[str, Any]:
    """Asks for frameworks to report by themselves, and returns whether anybody knew how."""
    return {name: context.autolog(name) for name in ("mine", "unknown")}


@define
class ReportParams:
    """How much to report."""

    logs: int = 0
    progress: int = 0
    metrics: int = 0
    messages: int = 0
    text: str = "line"


@action("report")
def report(params: ReportParams, context: RuntimeContext) -> dict[str, Any]:
    """Reports by every way there is; the logs are numbered."""
    for number in range(params.logs):
        context.logger.info("%s %d", params.text, number, number=number)
    for number in range(params.metrics):
        context.set_metrics({"loss": 1 / (number + 1)}, "train")
    for number in range(params.messages):
        context.log_message(f"{params.text} {number}")
    for number in range(params.progress):
        context.set_progress(number + 1, params.progress)
    return {"reported": params.logs}


@define
class CountdownParams:
    """Where to fail; ``upto`` counts in all."""

    upto: int = 3
    fail_at: int | None = None


@action("checkpointing")
def checkpointing(params: CountdownParams, context: RuntimeContext) -> dict[str, Any]:
    """Counts up, saving where it is; its first attempt fails at ``fail_at``, the next goes on from what was saved."""
    begun = (context.load_checkpoint() or {}).get("count", 0)
    for count in range(begun + 1, params.upto + 1):
        if count == params.fail_at and context.attempt == 1:
            raise RuntimeError(f"failed at {count}")
        context.save_checkpoint({"count": count}, artifacts_path=context.work_dir)
    return {"count": params.upto, "begun": begun, "artifacts": str(context.checkpoint_artifacts)}
