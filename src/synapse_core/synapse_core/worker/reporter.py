"""What an attempt reports, held until the engine takes it: `Reporter`.

Nothing here does I/O. Progress is conflated: only the newest value of a category is kept. The other kinds are all
kept, in order, and push back on the action once the bound is full, until the engine has taken some.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from time import time
from typing import Any

from synapse_core.context import CancelToken
from synapse_core.errors import ActionCancelled
from synapse_core.events import Draft, Kind, now
from synapse_core.loggers import BaseLogger
from synapse_core.loggers.progress import Pace, ProgressData
from synapse_core.loggers.safe import as_number, as_text, shown

Progress = tuple[float, float | None, float]


class Reporter(BaseLogger):
    """The logger of one attempt; any thread may report, one (the engine's) drains.

    Args:
        action, attempt: whose reports these are.
        wake: called, from the reporting thread, when there is so much that it should be drained now.
        cancel: ends the wait of an action that is held back.
        events, size: the bound, in events and in about as many bytes, beyond which the action is held back.
    """

    def __init__(
        self,
        action: str,
        attempt: int,
        wake: Callable[[], None],
        cancel: CancelToken | None = None,
        *,
        events: int = 10_000,
        size: int = 16 * 1024 * 1024,
    ) -> None:
        self._action = action
        self._attempt = attempt
        self._wake = wake
        self._cancel = cancel
        self._bound = events
        self._size_bound = size
        self._nudge_at = events // 8
        self._drafts: deque[Draft] = deque()
        self._first: dict[str | None, Progress] = {}
        self._latest: dict[str | None, Progress] = {}
        self._sent: dict[str | None, Progress] = {}
        self._size = 0
        self._nudged = False
        self._closed = False
        self._room: threading.Event | None = None  # made when somebody is held back: most never are

    def set_progress(self, current: float, total: float | None = None, category: str | None = None) -> None:
        """Keep the newest value of the category; costs well under a microsecond."""
        value = (current, total, time())
        try:
            if category not in self._latest:
                self._first[category] = value
            self._latest[category] = value
        except TypeError:  # no name at all, but a list, say
            self.set_progress(current, total, as_text(category))

    def get_progress(self, category: str | None = None) -> ProgressData:
        """See `BaseLogger.get_progress`."""
        if category is None and None not in self._latest and self._latest:
            category = max(list(self._latest), key=lambda each: self._latest[each][2])
        if category not in self._latest:
            return ProgressData()
        (base, _, since), (current, total, at) = self._first[category], self._latest[category]
        begun, done = as_number(base), as_number(current)
        if done is None:
            return ProgressData()
        if begun is None or done < begun:
            begun, since = done, at
        return Pace(done, as_number(total), at, begun, since).data(time())

    def emit(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Keep one event; waits while the bound is full.

        Raises:
            ActionCancelled: the action was asked to stop while it was held back.
        """
        if self._closed:
            return
        self._drafts.append(Draft(kind, now(), self._action, self._attempt, payload))
        self._size += weight(payload)
        if len(self._drafts) >= self._nudge_at or self._size >= self._size_bound // 8:
            self._push_back()

    def take(self, drafts: Sequence[Draft]) -> None:
        """Keep events that were reported elsewhere, to another reporter; waits as `emit` does."""
        if self._closed:
            return
        self._drafts.extend(drafts)
        self._size += sum(weight(draft.payload) for draft in drafts)
        if len(self._drafts) >= self._nudge_at or self._size >= self._size_bound // 8:
            self._push_back()

    def _push_back(self) -> None:
        if not self._nudged:
            self._nudged = True
            self._wake()
        if self._full() and self._room is None:
            self._room = threading.Event()
        while not self._closed and self._room is not None and self._full():
            self._room.clear()
            if self._full() and not self._room.wait(0.1) and self._cancel is not None and self._cancel.reason:
                raise ActionCancelled(self._cancel.reason)

    def _full(self) -> bool:
        return len(self._drafts) >= self._bound or self._size >= self._size_bound

    @property
    def only_progress(self) -> bool:
        """Whether nothing was reported since the last drain but progress, which can wait: it is conflated."""
        return not self._drafts

    def drain(self) -> list[Draft]:
        """All that was reported since the last call, and the newest progress of each category."""
        drafts = self._drafts
        if not drafts and not self._latest and not self._size:  # as of most, whenever they are asked
            return []
        # The deque stays the same object: swapping it would lose what another thread is just appending.
        taken = [drafts.popleft() for _ in range(len(drafts))]
        self._size = 0
        self._nudged = False
        self._let_in()
        # Taken last: an action's final progress is then never behind what it logged before it.
        for category, value in list(self._latest.items()) if self._latest else ():
            if self._sent.get(category) is not value:
                self._sent[category] = value
                taken.append(self._progress(category, value))
        return taken

    def _progress(self, category: str | None, value: Progress) -> Draft:
        """The event; a warning where the value is no number, as every logger gives."""
        current, total, at = as_number(value[0]), as_number(value[1]), datetime.fromtimestamp(value[2], UTC)
        if current is None:
            message = f"set_progress: current is {shown(value[0])}, which is no finite number"
            payload: dict[str, Any] = {"level": "warning", "message": message}
            return Draft(Kind.ACTION_LOG, at, self._action, self._attempt, payload)
        payload = {"category": None if category is None else as_text(category), "current": current, "total": total}
        return Draft(Kind.ACTION_PROGRESS, at, self._action, self._attempt, payload)

    def close(self) -> None:
        """Take no more, as after the attempt's end; who is held back goes on, and nobody is woken any more."""
        self._closed = True
        self._wake = _nobody  # who was woken may hold this reporter: a cycle for each attempt
        self._let_in()

    def _let_in(self) -> None:
        if self._room is not None:
            self._room.set()


_SAMPLE = 100


def weight(value: Any) -> int:
    """About how many bytes JSON data takes; a long list is judged by its beginning."""
    kind = type(value)
    if kind is str:
        return len(value)
    if kind is dict:
        return sum(map(weight, value.values()))
    if kind is list:
        part = value[:_SAMPLE]
        return sum(map(weight, part)) * len(value) // len(part) if part else 0
    return 8


def _nobody() -> None:
    """Stands for who was woken before."""
