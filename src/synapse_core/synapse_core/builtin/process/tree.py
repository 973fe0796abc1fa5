"""Ending a process with all that it started, whatever became of its children's parents and sessions."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

MARKER = "SYNAPSE_ATTEMPT"
"""The environment variable that every descendant of an attempt inherits, and by which it is found again."""


def end_tree(pid: int, marker: str, sig: int = signal.SIGKILL) -> None:
    """Send ``sig`` to all that ``pid`` started: its process group, and whoever bears ``marker``; not to ``pid`` itself.

    A child that made a session of its own, or whose parent is gone, is found by its environment on Linux, and by its
    ancestors elsewhere.
    """
    for other in _members(pid, marker):
        if other != pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(other, sig)


def _members(pid: int, marker: str) -> Iterable[int]:
    environments = Path("/proc/self/environ").exists()
    return _bearing(f"{MARKER}={marker}".encode()) if environments else _descendants(pid)


def _bearing(assignment: bytes) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if assignment in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def _descendants(pid: int) -> list[int]:
    listing = subprocess.run(["ps", "-axo", "pid=,ppid=,pgid="], capture_output=True, text=True, check=False)  # noqa: S607
    rows = [tuple(map(int, line.split())) for line in listing.stdout.splitlines()]
    found = {child for child, _, group in rows if group == pid}
    while True:
        more = {child for child, parent, _ in rows if parent in found | {pid}} - found
        if not more:
            return sorted(found)
        found |= more
