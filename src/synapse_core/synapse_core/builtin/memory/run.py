"""A run as a memory store keeps it, and those who watch it: `Run`, `Watcher`."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from attrs import define, field

from synapse_core.builtin.memory.log import EventLog
from synapse_core.events import Draft, Event
from synapse_core.fold import Folding
from synapse_core.models import Checkpoint
from synapse_core.protocols import Lease, RunRecord

_BATCH = 1000
UNFOLDED = 5_000
"""How many events may wait to be folded: who asks for the state waits for no more, and none is read from a file."""


@define(eq=False)
class Watcher:
    """Somebody who waits for events, on a loop of their own: what they have seen, and whether there is more to see."""

    loop: asyncio.AbstractEventLoop
    after: int
    kinds: Collection[str] | None
    more: bool = True
    news: asyncio.Event = field(factory=asyncio.Event)

    def tell(self, drafts: Sequence[Draft], ended: bool) -> None:
        """Note whether there is something for this one among new events, and wake them if so, or at the run's end."""
        wanted = bool(drafts) if self.kinds is None else any(draft.kind in self.kinds for draft in drafts)
        self.more = self.more or wanted
        if wanted or ended:
            self.wake()

    def wake(self) -> None:
        """Have them look."""
        try:
            self.loop.call_soon_threadsafe(self.news.set)
        except RuntimeError:  # its loop is closed: nobody waits there any more
            return

    def take(self, log: EventLog) -> list[Event]:
        """The next events; the log is looked through once, however often this is asked."""
        if not self.more:
            return []
        batch = log.read(self.after, _BATCH, self.kinds)
        self.more = len(batch) == _BATCH
        self.after = batch[-1].seq if self.more else max(self.after, len(log))
        return batch


@define(eq=False)
class Run:
    """All that is known of a run; its state is folded when somebody asks for it."""

    record: RunRecord
    log: EventLog
    folding: Folding | None = None
    folded: int = 0
    ended: bool = False
    checkpoints: list[Checkpoint] = field(factory=list)
    lease: Lease | None = None
    epoch: int = 0
    watchers: list[Watcher] = field(factory=list)

    def fold(self) -> Folding:
        """The state so far; events are folded when somebody asks, and before they are too many."""
        folding = self.folding = self.folding or Folding()
        while self.folded < len(self.log):
            for event in self.log.read(self.folded, UNFOLDED):
                folding.apply(event)
                self.folded = event.seq
        return folding
