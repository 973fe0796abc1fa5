"""Who holds a lease: an id that tells whether its process still lives."""

from __future__ import annotations

import itertools
import os
import re
import socket
import subprocess
from functools import lru_cache
from pathlib import Path

from synapse_core.errors import LeaseLostError

_OWNER = re.compile(r"(?P<machine>.+)/(?P<pid>\d+)/(?P<born>[^/]*)/\d+")
_engines = itertools.count(1)


def owner_id() -> str:
    """A new owner in this process: ``machine/pid/born/number``, which no other engine here or elsewhere will have."""
    return f"{_process(os.getpid())}/{next(_engines)}"


@lru_cache(maxsize=1)
def _process(pid: int) -> str:
    """What is said of this process; a fork has another id, and is looked at anew."""
    return f"{_machine()}/{pid}/{_born(pid)}"


def is_dead(owner: str) -> bool:
    """Whether the owner's process is known to be gone; of another machine nothing is known."""
    match = _OWNER.fullmatch(owner)
    if match is None or match["machine"] != _machine():
        return False
    return _born(int(match["pid"])) != match["born"]


def place(owner: str) -> str:
    """``process 123 on machine``, where the owner says so much."""
    match = _OWNER.fullmatch(owner)
    return owner if match is None else f"process {match['pid']} on {match['machine'].rpartition('.')[0]}"


def taken(run_id: str, error: LeaseLostError) -> LeaseLostError:
    """The store's refusal of a run that another engine has, in words that say who that is and what can be done."""
    held = error.lease
    if held is None:
        return error
    return LeaseLostError(
        f"run {run_id} is run by {place(held.owner)}, at least until {held.expires_at:%H:%M:%S} UTC",
        hint="watch it, or cancel it; if that engine is gone, try again when its time is up",
        lease=held,
    )


def taken_over(run_id: str, error: LeaseLostError) -> LeaseLostError:
    """The store's refusal to write, to an engine that has lost its run, in words that say who has it now."""
    by = f" by {place(error.lease.owner)}" if error.lease is not None else ""
    return LeaseLostError(
        f"run {run_id} was taken over{by} while its engine here did not answer",
        hint="its actions here are stopped, and nothing more is written; watch it go on there",
        lease=error.lease,
    )


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
