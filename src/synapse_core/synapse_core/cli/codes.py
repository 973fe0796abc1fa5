"""What the exit codes of ``synapse`` mean; scripts may rely on them."""

from __future__ import annotations

COMPLETED = 0
FAILED = 1
USAGE = 2
STORE = 3
INTERRUPTED = 130
TERMINATED = 143

MEANINGS = {
    COMPLETED: "all went well; the run has completed",
    FAILED: "the run failed",
    USAGE: "the command, its target or its params are wrong; nothing was run",
    STORE: "the store, or the service, is in trouble",
    INTERRUPTED: "cancelled by Ctrl-C",
    TERMINATED: "cancelled by SIGTERM",
}
