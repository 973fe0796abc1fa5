"""Ids: URL-safe, and sorted as strings they are sorted by creation time."""

from __future__ import annotations

import os
import re
import threading
import time

RUN_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])")
"""What a run's id looks like, by itself or in a text."""

_lock = threading.Lock()
_last = 0


def new_run_id() -> str:
    """A new run's id: 12 hex digits of milliseconds, then 4 that count within them, then 8 at random."""
    global _last  # noqa: PLW0603  the last id's time, so that ids of one process never sort out of order
    with _lock:
        _last = max(time.time_ns() // 1_000_000 << 16, _last + 1)
        ticks = _last
    return f"{ticks:016x}{os.urandom(4).hex()}"
