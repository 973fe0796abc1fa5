"""The states of runs that are reported to the service, kept folded: `States`."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from attrs import define, field

from synapse_core.errors import RunNotFoundError
from synapse_core.events import Draft, Event, stamp
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
    _shown: PipelineProgress | None = None

    def state(self) -> PipelineProgress:
        """The state now."""
        if self._shown is None:
            self._shown = self.folding.snapshot()
        return self._shown

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            self.folding.apply(event)
        self.seq, self._shown = events[-1].seq, None

    async def refresh(self) -> None:
        """Take in what others have written."""
        while events := await self.store.read(self.record.id, after=self.seq, limit=_PAGE):
            self._take(events)

    async def write(self, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint] = ()) -> None:
        """Add events, and take them in."""
        if not drafts and not checkpoints:
            return
        last = await self.store.append(self.record.id, drafts, checkpoints=checkpoints)
        if last != self.seq + len(drafts):
            await self.refresh()
        elif drafts:
            self._take(stamp(self.record.id, self.seq, drafts))


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

    def hold(self, run_id: str, *, fresh: bool = True) -> Hold:
        """A run, for whoever may change it, one at a time; ``fresh``: with all that others have written.

        Raises:
            RunNotFoundError: there is no such run, when it is entered.
        """
        return Hold(self, run_id, fresh)

    async def tracked(self, run_id: str) -> tuple[Tracked, bool]:
        """A run, and whether it was known; to be changed only by who holds its lock.

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
        return tracked, known

    def forget(self, run_id: str) -> None:
        """A run is gone."""
        self._runs.pop(run_id, None)


@define(eq=False)
class Hold:
    """`States.hold`: written out, as a generator would cost a report more than its check does."""

    states: States
    run_id: str
    fresh: bool
    _tracked: Tracked = field(init=False)

    async def __aenter__(self) -> Tracked:
        self._tracked, known = await self.states.tracked(self.run_id)
        await self._tracked.lock.acquire()
        try:
            if known and self.fresh:
                await self._tracked.refresh()
        except BaseException as error:
            self._end(error)
            raise
        return self._tracked

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        self._tracked.lock.release()
        if isinstance(error, RunNotFoundError):
            self.states.forget(self.run_id)
