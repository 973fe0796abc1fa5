"""Ending a process with all that it started, whatever became of its children's parents and sessions."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

MARKER = "SYNAPSE_ATTEMPT"
"""The environment variable that every descendant of an attempt inherits, and by which it is found again: the markers
of the attempts that it is within, the outermost first, parted by colons."""

_ROUNDS = 20


class _Process(NamedTuple):
    pid: int
    parent: int
    group: int
    session: int


def marked(marker: str) -> dict[str, str]:
    """The environment of a new attempt's process: this one's, and the marker."""
    return {**os.environ, MARKER: mark(marker)}


def mark(marker: str) -> str:
    """The value of `MARKER` for an attempt that is started in this process."""
    outer = os.environ.get(MARKER)
    return f"{outer}:{marker}" if outer else marker


def end_tree(pid: int, marker: str, sig: int = signal.SIGKILL) -> None:
    """Send ``sig`` to all that ``pid`` started; not to ``pid`` itself.

    That is whoever is in its process group or session, bears ``marker``, or descends from one that is or does. A kill
    is repeated until nobody is left, as they may go on to start others while this goes through them.

    Whoever calls this must not have taken note of the end of ``pid`` yet (`os.wait`): its number is then nobody else's.
    """
    for _ in range(_ROUNDS if sig == signal.SIGKILL else 1):
        members = [other for other in _members(pid, marker) if other not in (pid, os.getpid())]
        for other in members:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(other, sig)
        if not members:
            return


def _members(pid: int, marker: str) -> set[int]:
    running = _of_proc() if Path("/proc/self/environ").exists() else _of_ps()
    found = {
        process.pid for process in running if pid in (process.group, process.session) or _bears(process.pid, marker)
    }
    return found | _descendants(running, found | {pid})


def _descendants(running: Sequence[_Process], ancestors: Iterable[int]) -> set[int]:
    found, more = set(ancestors), set(ancestors)
    while more:
        more = {process.pid for process in running if process.parent in more} - found
        found |= more
    return found


def _bears(pid: int, marker: str) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    own = f"{MARKER}=".encode()
    values = [entry[len(own) :].split(b":") for entry in environment.split(b"\0") if entry.startswith(own)]
    return any(marker.encode() in value for value in values)


def _of_proc() -> list[_Process]:
    """The processes that run, without those that have ended and only wait to be noticed."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        state, parent, group, session = text.rpartition(")")[2].split()[:4]  # the name may have spaces in it
        if state not in {"Z", "X"}:
            found.append(_Process(int(entry.name), int(parent), int(group), int(session)))
    return found


def _of_ps() -> list[_Process]:
    listing = subprocess.run(["ps", "-axo", "stat=,pid=,ppid=,pgid="], capture_output=True, text=True, check=False)  # noqa: S607
    rows = [line.split() for line in listing.stdout.splitlines()]
    return [_Process(int(pid), int(parent), int(group), 0) for stat, pid, parent, group in rows if stat[0] != "Z"]
