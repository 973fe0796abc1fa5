"""The session that is used where nobody gives one."""

from __future__ import annotations

import atexit
import os
import threading

from synapse_core.session.session import Session

_lock = threading.Lock()
_session: Session | None = None
_owner = 0


def default_session() -> Session:
    """A session with the memory store, made when first needed and closed at exit; a forked child makes its own."""
    global _session, _owner
    with _lock:
        if _session is None or _owner != os.getpid():
            _session, _owner = Session(), os.getpid()
            atexit.register(_session.close)
        return _session
