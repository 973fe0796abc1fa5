"""Standard output, when its reader has gone away."""

from __future__ import annotations

import os
import sys


def drop_output() -> None:
    """Let what is still written to standard output go nowhere, and the interpreter's last flush succeed."""
    try:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)
    except (OSError, ValueError, AttributeError):  # standard output is closed, no file, or absent
        return
