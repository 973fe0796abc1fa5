"""Whether a process lives, for tests of what must leave none behind: `is_alive`."""

from __future__ import annotations

import os
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether there is such a process, and it is not one that has ended and only waits to be noticed."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return not Path("/proc/self").exists()
    return state not in {"Z", "X"}


def alive(pids: str) -> list[int]:
    """Those of the processes that live, whose ids stand in a text."""
    return [pid for pid in map(int, pids.split()) if is_alive(pid)]
