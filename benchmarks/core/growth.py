"""A program: how many bytes its peak resident size grows by while it does one thing.

``python -m benchmarks.core.growth fan-out|pool LINES``
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.core.fanout import call_pool, fan_out
from benchmarks.samples import noop, run_through
from synapse_core import ActionPipeline, Session

_STATUS = Path("/proc/self/status")


def main() -> None:
    """Do what the arguments say, and print the bytes."""
    what, lines = sys.argv[1:]
    with Session(entry_points=False) as session:
        run_through(session, ActionPipeline([noop]), {"x": 1})  # what is made once is not growth
        before = _peak()
        if what == "pool":
            call_pool()
        else:
            fan_out(session, int(lines))
        print(_peak() - before)


def _peak() -> int:
    """Of this program alone: what `getrusage` tells begins with the size of the process that started it."""
    if not _STATUS.exists():
        sys.exit("the peak resident size is read from /proc, which is not here")
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
