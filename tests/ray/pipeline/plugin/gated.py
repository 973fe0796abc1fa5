"""Actions that leave notes of when they ran, and wait at a gate, for tests that kill what runs them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from attrs import define

from synapse_core import RuntimeContext, action


@define
class GateParams:
    """Where notes are left, and who waits there until there is a file ``open``."""

    folder: str
    hold: str = ""


def _note(folder: str, name: str, text: str) -> None:
    with Path(folder, name).open("a", encoding="utf-8") as notes:
        notes.write(f"{text}\n")


@action("gated")
def gated(params: GateParams, context: RuntimeContext) -> dict[str, Any]:
    """Notes that it has begun, waits if it is to, and notes that it is done."""
    _note(params.folder, f"{context.action}.begun", str(os.getpid()))
    context.log_message(f"{context.action} has begun")
    while params.hold == context.action and not Path(params.folder, "open").exists():
        context.sleep(0.01)
    _note(params.folder, f"{context.action}.done", str(os.getpid()))
    return {context.action: context.attempt}


@action("meet")
def meet(params: GateParams, context: RuntimeContext) -> dict[str, Any]:
    """Returns the node it runs on, when another like it runs at the same time."""
    import ray

    _note(params.folder, f"meet-{context.action}.begun", "")
    while len(list(Path(params.folder).glob("meet-*.begun"))) < 2:
        context.sleep(0.01)
    return {context.action: ray.get_runtime_context().get_node_id()}


@action("busy")
def busy(params: GateParams, context: RuntimeContext) -> None:
    """Runs for ever, and listens to nobody; notes when it is made to leave."""
    _note(params.folder, f"{context.action}.begun", str(os.getpid()))
    try:
        while True:
            time.sleep(0)
    finally:
        _note(params.folder, f"{context.action}.done", str(os.getpid()))


@action("talk")
def talk(_params: dict[str, Any], context: RuntimeContext) -> dict[str, str]:
    """Prints, reports, and tells what it sees of its environment."""
    print("said by print")
    context.set_progress(1, 2)
    context.log_message("said by log")
    return {"colour": context.env.get("COLOUR", ""), "pid": str(os.getpid())}


@action("stand")
def stand(params: dict[str, Any], _context: RuntimeContext) -> dict[str, Any]:
    """Adds the process, and what it finds where it stands, to what those before it have told."""
    here = os.getpid(), sorted(path.name for path in Path.cwd().glob("*.py"))
    return {"told": [*params.get("told", ()), here]}


def never(_params: Any) -> bool:
    """A condition that does not hold."""
    return False
