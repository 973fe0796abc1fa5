"""The sessions that are used where nobody gives one."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable

from synapse_core.session.session import Session

_lock = threading.Lock()
_sessions: dict[tuple[bool, int], Session] = {}


def default_session(*, durable: bool = False) -> Session:
    """A session made when first needed and closed at exit; a forked child makes its own.

    Args:
        durable: with the store that runs are kept in by default, else with one in memory.
    """
    key = (durable, os.getpid())
    with _lock:
        if key not in _sessions:
            _sessions[key] = Session(store=None if durable else "memory:")
            _at_exit(_sessions[key].close)
        return _sessions[key]


def _at_exit(close: Callable[[], None]) -> None:
    """Have a session closed while its loop can still hand work to threads.

    The pool that `asyncio.to_thread` uses refuses work before the functions of `atexit` are called. It is told of the
    exit by the same means as is used here; whoever asked last is called first.
    """
    import concurrent.futures.thread  # noqa: F401  asks to be told, if it has not yet

    getattr(threading, "_register_atexit", atexit.register)(close)
