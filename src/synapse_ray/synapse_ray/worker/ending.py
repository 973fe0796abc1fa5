"""Ending what an attempt started, and where need be its worker with it."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path
from typing import NoReturn

from synapse_core.builtin.process.tree import end_tree

_WORKER = b"ray::"


def marker_of(pid: int) -> str:
    """What all that a worker starts bears; see `synapse_core.builtin.process.tree`.

    It is the worker's, and not an attempt's: what an attempt leaves behind is ended before the next one begins, or,
    where it may stay, with the worker.
    """
    return f"ray-worker-{pid}"


class Children:
    """Whether this process has started others since it was last asked; asking costs two system calls."""

    def __init__(self) -> None:
        self._waited_for = _faults()

    def any(self) -> bool:
        """Whether there is any, or was one that has been waited for: that may have left others behind."""
        before, self._waited_for = self._waited_for, _faults()
        if self._waited_for != before:
            return True
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        except ChildProcessError:
            return False
        return True

    def end(self) -> None:
        """End all that the attempt started, if it started any."""
        if self.any():
            end_tree(os.getpid(), marker_of(os.getpid()))


def _faults() -> int:
    """A number that grows when a child is waited for: no process lives without a page fault."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt


def end_here() -> NoReturn:
    """End what this worker has started, and then this process."""
    end_tree(os.getpid(), marker_of(os.getpid()))
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody outlives a SIGKILL")


def sweep(pid: int, kill: bool) -> bool:
    """End, on this node, what a worker has left behind; with ``kill`` the worker too, where it still runs.

    Args:
        pid: the worker's.
        kill: whether the worker is to be ended.

    Returns:
        Whether there was such a worker.
    """
    end_tree(pid if _is_worker(pid) else os.getpid(), marker_of(pid))
    if not _is_worker(pid):
        return False
    if kill:
        os.kill(pid, signal.SIGKILL)
    return True


def _is_worker(pid: int) -> bool:
    """Whether the process is one of Ray's workers: the number of one that is gone may be another's."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(_WORKER)
    except OSError:
        return False
