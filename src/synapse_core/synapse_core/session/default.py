"""The sessions that are used where nobody gives one."""

from __future__ import annotations

import atexit
import os
import threading

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
            atexit.register(_sessions[key].close)
        return _sessions[key]
