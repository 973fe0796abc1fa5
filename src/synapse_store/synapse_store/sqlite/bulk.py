"""What appends write, gathered over a transaction and written by one statement a table: `Bulk`.

A statement a row lets go of the interpreter's lock for each, and waits each time until it is had again; a service's
loop, which shares it, is then held up as often.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from synapse_store.sqlite.rows import EventRow

# OR FAIL: whoever fails undoes the whole transaction. To undo one statement alone, as is usual, SQLite copies each page
# that a statement of many rows changes, to a file once there are many.
_EVENTS = "INSERT OR FAIL INTO events VALUES {}"
_MOVE = "UPDATE OR FAIL runs SET seq = v.column2 FROM (VALUES {}) AS v WHERE key = v.column1"
_ADVANCE = "UPDATE OR FAIL runs SET seq = v.column2, progress = v.column3 FROM (VALUES {}) AS v WHERE key = v.column1"
_TOOK = "INSERT OR REPLACE INTO producers VALUES {}"

_MOST = 64
"""Rows a statement; a power of two, as are all other sizes: few statements are to be remembered."""


class Bulk:
    """Rows that a transaction has still to write; no refusal may follow on an addition in the same request.

    Args:
        connection: that writes; whoever reads these tables by it calls `flush` before.

    Attributes:
        added: how many additions there were, ever.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.added = 0
        self._connection = connection
        self._events: list[tuple[int, int, *EventRow]] = []
        self._moved: dict[int, int] = {}
        self._advanced: dict[int, tuple[int, float]] = {}
        self._took: dict[tuple[int, str], tuple[int, int, int]] = {}

    def events(self, key: int, after: int, rows: Iterable[EventRow]) -> None:
        """Add events of a run, numbered on from ``after``."""
        self.added += 1
        self._events += [(key, seq, *row) for seq, row in enumerate(rows, after + 1)]

    def move(self, key: int, seq: int) -> None:
        """Note a run's last event."""
        self.added += 1
        if key in self._advanced:
            self._advanced[key] = seq, self._advanced[key][1]
        else:
            self._moved[key] = seq

    def advance(self, key: int, seq: int, progress: float) -> None:
        """Note a run's last event, and how far the run is."""
        self.added += 1
        self._moved.pop(key, None)
        self._advanced[key] = seq, progress

    def settled(self, key: int) -> None:
        """Leave out what was noted by `move` and `advance`: the caller writes what is newer."""
        self._moved.pop(key, None)
        self._advanced.pop(key, None)

    def took(self, key: int, producer: str, last: tuple[int, int, int]) -> None:
        """Note a producer's last batch: its epoch and number, and the run's last event then."""
        self.added += 1
        self._took[key, producer] = last

    def flush(self) -> None:
        """Write all of it.

        Raises:
            sqlite3.Error: it cannot be written.
        """
        if self._events:
            self._write(_EVENTS, self._events)
        if self._moved:
            self._write(_MOVE, list(self._moved.items()))
        if self._advanced:
            self._write(_ADVANCE, [(key, *row) for key, row in self._advanced.items()])
        if self._took:
            self._write(_TOOK, [(*key, *row) for key, row in self._took.items()])
        self.clear()

    def _write(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        for some in _chunks(rows):
            text = _with_values(statement, len(some), len(some[0]))
            self._connection.execute(text, tuple(chain.from_iterable(some)))

    def clear(self) -> None:
        """Forget all of it."""
        for rows in (self._events, self._moved, self._advanced, self._took):
            rows.clear()


def _chunks(rows: Sequence[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    rest, left = iter(rows), len(rows)
    while left:
        size = min(_MOST, 1 << left.bit_length() - 1)
        yield list(islice(rest, size))
        left -= size


@lru_cache(maxsize=256)
def _with_values(statement: str, rows: int, columns: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return statement.format(", ".join([row] * rows))
