"""How nice processes are, and whether one may become less so on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

OFFSET = 5

NICER = f"""
import os, sys, threading
os.nice({OFFSET})
if "without-rights" in sys.argv and os.geteuid() == 0:
    os.setuid(65534)
"""
"""Begins a program that is nicer than who starts it, and with the argument ``without-rights`` is nobody's."""

_MAY = f"""{NICER}
try:
    os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, os.getppid()))
    print("yes")
except OSError:
    print("no")
"""


def niceness(pid: int) -> set[int]:
    """Of all threads of a process."""
    threads = [int(thread.name) for thread in Path(f"/proc/{pid}/task").glob("*")] or [pid]
    return {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads}


def may_go_first(*args: str) -> bool:
    """Whether a process may come as early as the one that started it, if it was made nicer."""
    return printed(_MAY, *args) == "yes"


def printed(program: str, *args: str) -> str:
    """What a program prints, run as a process of its own."""
    command = [sys.executable, "-c", program, *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
