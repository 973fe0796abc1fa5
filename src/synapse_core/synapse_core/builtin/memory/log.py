"""`EventLog`: a run's events, the newest in memory, older ones in a temporary file once they are many."""

from __future__ import annotations

import pickle
import tempfile
import warnings
import weakref
from collections.abc import Collection, Iterator, Sequence
from typing import IO, NamedTuple

from synapse_core.events import Draft, Event, stamp

_SEGMENT = 2000
"""How many events are read from the file at once: about two pages."""


class _Segment(NamedTuple):
    first: int
    events: int
    offset: int
    size: int


class EventLog:
    """An append-only list of drafts, whose place in it is their ``seq``.

    Memory stays bounded however much an action logs: beyond ``keep`` events the older half goes to an unnamed
    temporary file. Where that cannot be written the events stay in memory, and a warning says so once.

    Args:
        run_id: the run whose events these are.
        keep: how many events are kept in memory at most.
    """

    __slots__ = ("__weakref__", "_file", "_keep", "_run_id", "_segments", "_spilled", "_tail")

    def __init__(self, run_id: str, keep: int = 20_000) -> None:
        self._run_id = run_id
        self._keep = keep
        self._tail: list[Draft] = []
        self._spilled = 0
        self._segments: list[_Segment] = []
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        """How many events there are: the last one's ``seq``."""
        return self._spilled + len(self._tail)

    def extend(self, drafts: Sequence[Draft]) -> None:
        """Add events."""
        self._tail.extend(drafts)
        if len(self._tail) > self._keep:
            self._spill(len(self._tail) - self._keep // 2)

    def read(
        self, after: int, limit: int, kinds: Collection[str] | None = None, action: str | None = None
    ) -> list[Event]:
        """Up to ``limit`` events with ``seq`` above ``after``, of these kinds and this action."""
        found: list[Event] = []
        for event in self._events(after):
            if (kinds is None or event.kind in kinds) and (action is None or event.action == action):
                found.append(event)
                if len(found) >= limit:
                    break
        return found

    def close(self) -> None:
        """Free the file."""
        if self._file is not None:
            self._file.close()

    def _events(self, after: int) -> Iterator[Event]:
        for segment in self._segments:
            if after < segment.first + segment.events - 1:
                skip = max(after - segment.first + 1, 0)
                yield from stamp(self._run_id, segment.first + skip - 1, self._load(segment)[skip:])
        skip = max(after - self._spilled, 0)
        # In slices, so that a reader who wants few of many pays for few.
        for start in range(skip, len(self._tail), 1000):
            yield from stamp(self._run_id, self._spilled + start, self._tail[start : start + 1000])

    def _load(self, segment: _Segment) -> list[Draft]:
        assert self._file is not None
        self._file.seek(segment.offset)
        return [Draft(*row) for row in pickle.loads(self._file.read(segment.size))]  # noqa: S301  our own file

    def _spill(self, count: int) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="synapse-")  # noqa: SIM115  it lives as long as the log
                weakref.finalize(self, self._file.close)  # a store that is just let go of leaves no file open
            offset = self._file.seek(0, 2)
            written = [
                self._write(self._tail[start : min(start + _SEGMENT, count)]) for start in range(0, count, _SEGMENT)
            ]
            self._file.flush()
        except OSError as error:
            self._keep = 2**63
            warnings.warn(f"the events of run {self._run_id} stay in memory: {error}", ResourceWarning, stacklevel=2)
            return
        for events, size in written:
            self._segments.append(_Segment(self._spilled + 1, events, offset, size))
            self._spilled += events
            offset += size
        del self._tail[:count]

    def _write(self, drafts: Sequence[Draft]) -> tuple[int, int]:
        """How many events were written, in how many bytes."""
        assert self._file is not None
        return len(drafts), self._file.write(pickle.dumps([tuple(draft) for draft in drafts], protocol=5))
