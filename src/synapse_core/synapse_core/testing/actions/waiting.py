"""Actions that wait: some listen to a cancel, some do not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define

from synapse_core.actiondef import action
from synapse_core.context import RuntimeContext
from synapse_core.errors import ActionCancelled


@define
class WaitParams:
    """Files by which a test and the action tell each other where they are.

    Attributes:
        started: written when the action has begun.
        release: the action ends when this is there; never, if None.
        cleaning: written when a cleanup has begun, by an action that takes its time for it.
        cleaned: written at the end of ``finally``.
    """

    started: str | None = None
    release: str | None = None
    cleaning: str | None = None
    cleaned: str | None = None


@action("wait")
def wait(params: WaitParams, context: RuntimeContext) -> dict[str, Any]:
    """Waits for a file, and listens to a cancel."""
    return _wait(params, lambda: context.sleep(0.01))


@action("hang")
def hang(params: WaitParams, _context: RuntimeContext) -> dict[str, Any]:
    """Waits for a file and does not listen to a cancel."""
    return _wait(params, lambda: time.sleep(0.01))


@action("hang_on")
def hang_on(params: WaitParams, _context: RuntimeContext) -> dict[str, Any]:
    """Waits for a file, and goes on waiting whatever is raised in it."""
    while True:
        with contextlib.suppress(BaseException):
            return _wait(params, lambda: time.sleep(0.01))


@action("hang_hard", stop="hard")
def hang_hard(params: WaitParams, context: RuntimeContext) -> dict[str, Any]:
    """As `hang_on`, in a process of its own under any executor."""
    return hang_on(params, context)


@action("pid_hard", stop="hard")
def pid_hard(_params: dict[str, Any], _context: RuntimeContext) -> dict[str, int]:
    """Tells its process, which is its own under any executor."""
    return {"pid": os.getpid()}


@action("async_wait")
async def async_wait(params: WaitParams, _context: RuntimeContext) -> dict[str, Any]:
    """Awaits a file; a cancel is raised in it as CancelledError."""
    _write(params.started)
    try:
        while not _there(params.release):  # noqa: ASYNC110  a file tells no event
            await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        _write(params.cleaned)
        raise
    return {"released": True}


@action("async_block")
async def async_block(params: WaitParams, _context: RuntimeContext) -> dict[str, Any]:
    """Is async, and blocks its loop."""
    return _wait(params, lambda: time.sleep(0.01))


@action("swallow_cancel")
def swallow_cancel(params: WaitParams, context: RuntimeContext) -> dict[str, Any]:
    """Returns a result although it was cancelled."""
    try:
        return _wait(params, lambda: context.sleep(0.01))
    except ActionCancelled:
        return {"swallowed": True}


@action("slow_cleanup")
def slow_cleanup(params: WaitParams, context: RuntimeContext) -> None:
    """Waits to be cancelled, and then takes until it is released to clean up."""
    _write(params.started)
    try:
        while True:
            context.sleep(0.01)
    finally:
        _write(params.cleaning)
        while not _there(params.release):
            time.sleep(0.01)
        _write(params.cleaned)


@action("nested")
def nested(params: WaitParams, _context: RuntimeContext) -> dict[str, Any]:
    """Runs an action that does not listen in a process of its own, and waits for it."""
    from synapse_core.session import default_session

    result: dict[str, Any] = default_session().execute([hang_on], {"started": params.started}, executor="process")
    return result


@action("log_and_wait")
def log_and_wait(params: WaitParams, context: RuntimeContext) -> dict[str, Any]:
    """Logs a line, then waits for a file."""
    context.log_message("waiting")
    return _wait(params, lambda: context.sleep(0.01))


def _wait(params: WaitParams, pause: Callable[[], None]) -> dict[str, Any]:
    _write(params.started)
    try:
        while not _there(params.release):
            pause()
    finally:
        _write(params.cleaned)
    return {"released": True}


def _there(path: str | None) -> bool:
    return path is not None and Path(path).exists()


def _write(path: str | None) -> None:
    if path is not None:
        Path(path).write_text(str(os.getpid()))
