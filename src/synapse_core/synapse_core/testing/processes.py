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
        return _state(Path(f"/proc/{pid}")) not in {"Z", "X"}
    except OSError:
        return not Path("/proc/self").exists()


def is_stopped(pid: int) -> bool:
    """Whether none of its threads runs on, as after a SIGSTOP: that needs a moment to reach them all. Linux only."""
    return {_state(thread) for thread in Path(f"/proc/{pid}/task").iterdir()} == {"T"}


def _state(of: Path) -> str:
    """The letter that ``/proc`` has for what a process or a thread does."""
    return (of / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]


def alive(pids: str) -> list[int]:
    """Those of the processes that live, whose ids stand in a text."""
    return [pid for pid in map(int, pids.split()) if is_alive(pid)]
