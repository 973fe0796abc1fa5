"""What a process sets up for itself that is a service, and nothing else: `tune`."""

from __future__ import annotations

import ctypes
from contextlib import suppress

from synapse_core import garbage

_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1  # of glibc's malloc.h


def tune() -> None:
    """Have what requests let go of go back to the system, and let the garbage be looked for less often.

    Left alone, glibc keeps an arena a thread, and large pieces that lie between what many streams hold. It is asked;
    where there is another C library nothing is changed.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for name, value in ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, 1024 * 1024), (_TRIM_THRESHOLD, 512 * 1024)):
            mallopt(name, value)
    garbage.tune()
