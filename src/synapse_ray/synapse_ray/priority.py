"""The priority of the actors that are Synapse's own and run nothing of the user's: `go_first`."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_THREADS = Path("/proc/self/task")


def go_first() -> None:
    """Have this process come before the workers that it gives work to, as a driver does, where that is allowed.

    Ray starts its workers with a niceness of 15 (``RAY_worker_niceness``) and takes every actor for a worker. On a node
    whose cores are all at work, an engine among its equals waits milliseconds for each of its turns: meanwhile workers
    find nothing to do and are given back, and leases and cancellations are late. It takes the niceness of Ray's own
    process on the node instead. That wants root's rights, or ``ulimit -e``: without them nothing is changed.
    """
    try:
        niceness = os.getpriority(os.PRIO_PROCESS, os.getppid())
    except OSError:  # Ray's process has just died, and this one will
        return
    for thread in _threads():
        with suppress(OSError):  # it may not, or the thread has just ended
            os.setpriority(os.PRIO_PROCESS, thread, niceness)


def _threads() -> list[int]:
    """Of this process: on Linux each has a niceness of its own, and those to come have that of who starts them."""
    try:
        return [int(thread.name) for thread in _THREADS.iterdir()]
    except OSError:
        return [0]
