"""How the sinks come to be told every event of a run, in order, whoever wrote it: `Teller`."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from attrs import evolve

from synapse_core.engine.patience import store_errors
from synapse_core.engine.sinks import Sinks
from synapse_core.env.masking import hide
from synapse_core.errors import StoreError
from synapse_core.events import Draft, Event, Kind, stamp
from synapse_core.protocols import Store

_PAGE = 1000


def _shown(event: Event) -> Event:
    """The event as whoever shows it, or writes it to a file, may have it: without the secrets in a run's params."""
    if event.kind != Kind.RUN_CREATED:
        return event
    params = hide(event.payload.get("params"), frozenset(event.payload.get("secrets", ())))
    return evolve(event, payload={**event.payload, "params": params})


class Teller:
    """Passes on what the engine wrote, as soon as it is stored.

    Others write too: the run's creation was told to the store before there was an engine, a cancel is asked for by
    anybody. Their events are seen by the gap that they leave in the numbers; they are read from the store, with all
    that follows them, when there is a loop to do so on.
    """

    def __init__(self, store: Store, run_id: str, sinks: Sinks) -> None:
        self.behind = bool(sinks)
        self._store = store
        self._run_id = run_id
        self._sinks = sinks
        self._lock = threading.Lock()
        self._told = 0
        self._last = 0

    def wrote(self, drafts: Sequence[Draft], last: int) -> None:
        """Pass on what was stored, on any thread; ``last`` is the number that the last of them was given."""
        if not self._sinks or not drafts:
            return
        with self._lock:
            self._last = last
            self.behind = self.behind or last - len(drafts) != self._told
            if not self.behind:
                self._sinks.write(stamp(self._run_id, self._told, drafts))
                self._told = last

    def heard(self, seq: int) -> None:
        """Somebody else wrote the event of that number: the sinks are behind until they are told it."""
        with self._lock:
            if self._sinks and seq > self._told:
                self._last = max(self._last, seq)
                self.behind = True

    async def catch_up(self) -> None:
        """Pass on what the sinks have not been told yet; a store that does not answer is asked another time."""
        while self.behind:
            try:
                with store_errors():
                    events = await self._store.read(self._run_id, after=self._told, limit=_PAGE)
            except StoreError:
                return
            if not events:
                return
            with self._lock:  # several may catch up at a time, and have read the same
                self._sinks.write([_shown(event) for event in events if event.seq > self._told])
                self._told = max(self._told, events[-1].seq)
                self.behind = len(events) == _PAGE or self._told < self._last
