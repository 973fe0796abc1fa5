"""The states of runs that were asked for, or reached, last: `Folds`."""

from __future__ import annotations

import threading
from collections import OrderedDict

from synapse_store.sqlite.states import Folded

_CELLS = 20_000


class Folds:
    """Folds to go on from, the last used ones, as many as have so many actions and instances in all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folds: OrderedDict[str, tuple[Folded, int]] = OrderedDict()
        self._cells = 0

    def take(self, run_id: str) -> Folded | None:
        """Take one out: it is the caller's until it is kept again, as others may ask meanwhile."""
        with self._lock:
            return self._remove(run_id)

    def keep(self, run_id: str, folded: Folded) -> None:
        """Keep one, in the place of what is known of the run."""
        cells = folded.folding.size + 1
        with self._lock:
            self._remove(run_id)
            self._folds[run_id] = folded, cells
            self._cells += cells
            while self._cells > _CELLS and len(self._folds) > 1:
                self._remove(next(iter(self._folds)))

    def clear(self) -> None:
        """Let go of all."""
        with self._lock:
            self._folds.clear()
            self._cells = 0

    def _remove(self, run_id: str) -> Folded | None:
        folded, cells = self._folds.pop(run_id, (None, 0))
        self._cells -= cells
        return folded
