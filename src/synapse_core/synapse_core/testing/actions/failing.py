"""Actions that raise, or return what cannot be kept."""

from __future__ import annotations

import threading
from typing import Any

from attrs import define

from synapse_core.actiondef import action
from synapse_core.context import RuntimeContext
from synapse_core.testing.actions.working import Sum


@define
class FailParams:
    """How often to fail, and with what message."""

    message: str = "it was meant to fail"
    times: int | None = None


@action("fail")
def fail(params: FailParams, context: RuntimeContext) -> dict[str, Any]:
    """Raises; only in its first ``times`` attempts where that is given."""
    if params.times is None or context.attempt <= params.times:
        raise ValueError(params.message)
    return {"attempt": context.attempt}


@action("log_then_fail")
def log_then_fail(_params: dict[str, Any], context: RuntimeContext) -> None:
    """Shows a message, then raises."""
    context.log_message(f"attempt {context.attempt}")
    raise ValueError("it was meant to fail")


class UnpicklableError(Exception):
    """Cannot be pickled, and could not be made again from its arguments."""

    def __init__(self, code: int, *, reason: str) -> None:
        super().__init__(f"code {code}: {reason}")
        self.lock = threading.Lock()


@action("raise_unpicklable")
def raise_unpicklable(_params: dict[str, Any], _context: RuntimeContext) -> None:
    """Raises an exception that does not survive pickling."""
    raise UnpicklableError(7, reason="no pickle")


class MuteError(Exception):
    """Cannot even say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


@action("raise_mute")
def raise_mute(_params: dict[str, Any], _context: RuntimeContext) -> None:
    """Raises an exception whose message cannot be had."""
    raise MuteError


@action("interrupt")
def interrupt(_params: dict[str, Any], _context: RuntimeContext) -> None:
    """Raises KeyboardInterrupt, as if Ctrl-C had reached it."""
    raise KeyboardInterrupt


@action("unserialisable")
def unserialisable(_params: dict[str, Any], _context: RuntimeContext) -> dict[str, Any]:
    """Returns a lock within a mapping."""
    return {"model": {"lock": threading.Lock()}}


@action("misfit", result=Sum)
def misfit(_params: dict[str, Any], _context: RuntimeContext) -> Any:
    """Returns what does not fit its result model."""
    return {"total": "much"}


@action("big")
def big(params: dict[str, Any], _context: RuntimeContext) -> dict[str, Any]:
    """Returns ``size`` characters."""
    return {"blob": "x" * int(params["size"])}
