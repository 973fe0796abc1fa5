"""How runs are named to people, and the commands that name them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

SHORT = 12
"""So many characters of a run's id tell its millisecond."""

SURE = 16
"""So many tell it from all others that the same process has made."""


def short_id(run_id: str) -> str:
    """As much of the id as is told in passing."""
    return run_id[:SHORT]


def short_ids(run_ids: Iterable[str]) -> dict[str, str]:
    """By id, as much of it as tells it from the others."""
    ids = list(run_ids)
    sizes = (size for size in (SHORT, SURE) if len({run_id[:size] for run_id in ids}) == len(ids))
    size = next(sizes, None)
    return {run_id: run_id[:size] for run_id in ids}


def runs_command(word: str, run_id: str, store: str | None = None, *more: str) -> str:
    """``synapse runs WORD RUN``, or of no run in particular, fit to be copied; with the store, where one was given."""
    words = [
        "synapse",
        "runs",
        word,
        *([run_id[:SURE]] if run_id else []),
        *more,
        *(["--store", store] if store else []),
    ]
    return shlex.join(words)
