"""Python's garbage collection, in processes that are Synapse's own and run nothing of the user's: `tune`."""

from __future__ import annotations

import gc


def tune() -> None:
    """Have the garbage be looked for less often, and not in what was imported: that stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
