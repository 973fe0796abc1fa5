"""Async actions for callers that block: `run_here`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any


def run_here(work: Any) -> Any:
    """The result of a coroutine, from sync code: also where this thread runs a loop already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    box: list[Callable[[], Any]] = []
    thread = threading.Thread(target=lambda: box.append(_settled(work)))
    thread.start()
    thread.join()
    return box[0]()


def _settled(work: Any) -> Callable[[], Any]:
    """Run ``work`` to its end; calling what comes back gives its result or raises its error."""
    try:
        result = asyncio.run(work)
    except BaseException as error:  # noqa: BLE001  raised again where the result is asked for
        return _raiser(error)
    return lambda: result


def _raiser(error: BaseException) -> Callable[[], Any]:
    def raise_it() -> Any:
        raise error

    return raise_it
