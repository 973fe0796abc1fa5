"""The states of runs that are reported to the service, kept folded: `States`."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from attrs import define, field

from synapse_core.errors import RunNotFoundError
from synapse_core.events import Draft, stamp
from synapse_core.fold import Folding
from synapse_core.models import Checkpoint, PipelineProgress
from synapse_core.protocols import RunRecord, Store

_MOST = 2_000
_PAGE = 1_000


@define(eq=False)
class Tracked:
    """A run that somebody reports on: whoever changes it holds the lock."""

    record: RunRecord
    store: Store
    folding: Folding
    seq: int
    lock: asyncio.Lock = field(factory=asyncio.Lock)

    def state(self) -> PipelineProgress:
        """The state now."""
        return self.folding.snapshot()

    async def refresh(self) -> None:
        """Take in what others have written."""
        while events := await self.store.read(self.record.id, after=self.seq, limit=_PAGE):
            for event in events:
                self.folding.apply(event)
            self.seq = events[-1].seq

    async def write(self, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint] = ()) -> None:
        """Add events, and take them in."""
        if not drafts and not checkpoints:
            return
        last = await self.store.append(self.record.id, drafts, checkpoints=checkpoints)
        if last != self.seq + len(drafts):
            await self.refresh()
            return
        for event in stamp(self.record.id, self.seq, drafts):
            self.folding.apply(event)
        self.seq = last


class States:
    """Folds each run once, and then only what is new.

    Args:
        store: the runs.
        record: gives a run as it was asked for.
    """

    def __init__(self, store: Store, record: Callable[[str], Awaitable[RunRecord]]) -> None:
        self._store = store
        self._record = record
        self._runs: OrderedDict[str, Tracked] = OrderedDict()

    @asynccontextmanager
    async def hold(self, run_id: str, *, fresh: bool = True) -> AsyncIterator[Tracked]:
        """A run, for whoever may change it, one at a time; ``fresh``: with all that others have written.

        Raises:
            RunNotFoundError: there is no such run.
        """
        tracked = self._runs.get(run_id)
        known = tracked is not None
        if tracked is None:
            record, state = await self._record(run_id), await self._store.progress(run_id)
            tracked = self._runs.setdefault(run_id, Tracked(record, self._store, Folding(state), state.seq))
        self._runs.move_to_end(run_id)
        while len(self._runs) > _MOST:
            self._runs.popitem(last=False)
        async with tracked.lock:
            try:
                if known and fresh:
                    await tracked.refresh()
                yield tracked
            except RunNotFoundError:
                self.forget(run_id)
                raise

    def forget(self, run_id: str) -> None:
        """A run is gone."""
        self._runs.pop(run_id, None)
