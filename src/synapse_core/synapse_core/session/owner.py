"""Who holds a lease: an id that tells whether its process still lives."""

from __future__ import annotations

import itertools
import os
import re
import socket
import subprocess
from pathlib import Path

_OWNER = re.compile(r"(?P<machine>.+)/(?P<pid>\d+)/(?P<born>[^/]*)/\d+")
_engines = itertools.count(1)


def owner_id() -> str:
    """A new owner in this process: ``machine/pid/born/number``, which no other engine here or elsewhere will have."""
    return f"{_machine()}/{os.getpid()}/{_born(os.getpid())}/{next(_engines)}"


def is_dead(owner: str) -> bool:
    """Whether the owner's process is known to be gone; of another machine nothing is known."""
    match = _OWNER.fullmatch(owner)
    if match is None or match["machine"] != _machine():
        return False
    return _born(int(match["pid"])) != match["born"]


def _machine() -> str:
    """The host's name, and where there is one the namespace that process ids are of: containers may share the name."""
    try:
        namespace = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        namespace = ""
    return f"{socket.gethostname()}.{namespace}"


def _born(pid: int) -> str:
    """When the process was started, in whatever way the system tells; empty if there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return "" if Path("/proc/self").exists() else _born_by_ps(pid)
    return "" if fields[0] in {"Z", "X"} else fields[19]


def _born_by_ps(pid: int) -> str:
    found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607
    return "-".join(found.stdout.split())
