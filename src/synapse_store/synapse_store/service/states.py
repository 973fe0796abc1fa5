"""The states of runs that are reported to the service, kept folded: `States`."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence

from attrs import define, field

from synapse_core.errors import RunNotFoundError
from synapse_core.events import Draft, Event, stamp
from synapse_core.fold import Folding
from synapse_core.models import Checkpoint, PipelineProgress
from synapse_core.protocols import RunRecord, Store
from synapse_store.wire.told import RunText

_MOST = 2_000
_PAGE = 1_000


@define(eq=False)
class Turn:
    """A lock that is handed on to who has waited longest, and that can be taken without awaiting, if it is free."""

    _taken: bool = False
    _waiting: deque[asyncio.Future[None]] = field(factory=deque)

    def take(self) -> bool:
        """Take it; False where somebody has it."""
        if self._taken:
            return False
        self._taken = True
        return True

    async def wait(self) -> None:
        """Take it, when it is this one's turn."""
        if self.take():
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # it was handed over meanwhile
                self.give()
            raise

    def give(self) -> None:
        """Hand it on."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._taken = False


@define(eq=False)
class Tracked:
    """A run that somebody reports on: whoever changes it has the turn."""

    record: RunRecord
    store: Store
    folding: Folding
    seq: int
    turn: Turn = field(factory=Turn)
    _shown: PipelineProgress | None = None
    _text: RunText = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._text = RunText(self.record)

    def state(self) -> PipelineProgress:
        """The state now."""
        if self._shown is None:
            self._shown = self.folding.snapshot()
        return self._shown

    def text(self) -> bytes:
        """The run as it is told, now."""
        return self._text.of(self.state())

    def take(self, drafts: Sequence[Draft]) -> None:
        """Take in what is to be written next; where that comes to nothing, `restore` the state before."""
        self._take(stamp(self.record.id, self.seq, drafts))

    def restore(self, state: PipelineProgress) -> None:
        """Go back to a state."""
        self.folding, self.seq, self._shown = Folding(state), state.seq, state

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
            self.take(drafts)


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

    def known(self, run_id: str) -> Tracked | None:
        """A run whose state is kept here."""
        return self._runs.get(run_id)

    async def tracked(self, run_id: str) -> tuple[Tracked, bool]:
        """A run, and whether it was known; to be changed only by who has its turn.

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
        await self._tracked.turn.wait()
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
        self._tracked.turn.give()
        if isinstance(error, RunNotFoundError):
            self.states.forget(self.run_id)
