"""What happens in a run, encoded once for all who follow it: `Feed`, and `Feeds`, one a run that is followed.

A feed is a log of encoded frames; each follower has a cursor into it and goes at its own pace.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from synapse_core.errors import StoreError, StoreUnavailableError, SynapseError
from synapse_core.events import Event
from synapse_core.fold import Folding
from synapse_core.protocols import Store
from synapse_store.wire.codec import event_to_data, progress_to_data
from synapse_store.wire.sse import frame
from synapse_store.wire.text import dumps

_KEPT = 1024 * 1024
_AGAIN = 0.2


class Framed(NamedTuple):
    """An event, as it is sent."""

    seq: int
    kind: str
    action: str | None
    frame: bytes


def framed(event: Event) -> Framed:
    """Encode an event."""
    return Framed(event.seq, event.kind, event.action, frame(dumps(event_to_data(event)), id=event.seq))


class Feed:
    """A run that is followed.

    Attributes:
        seq: the last event that was seen.
        over: nothing comes any more.
        error: why it is over, if not because the run has ended.
        bells: one a follower; rung when there is news.
    """

    def __init__(self, store: Store, run_id: str) -> None:
        self.run_id = run_id
        self.seq = 0
        self.over = False
        self.error: SynapseError | None = None
        self.bells: set[asyncio.Event] = set()
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._store = store
        self._folding = Folding()
        self._recent: deque[Framed] = deque()
        self._size = 0
        self._body = b""
        self._encoded = -1
        self._frame = b""
        self._framed = -1
        self.task = asyncio.ensure_future(self._run())

    @property
    def ended(self) -> bool:
        """Whether the run has."""
        return self._folding.status.is_terminal()

    @property
    def event(self) -> str:
        """What the state is sent as: ``progress``, or how the run has ended."""
        return self._folding.status.value if self.ended else "progress"

    def body(self) -> bytes:
        """The progress object now."""
        if self._encoded != self.seq:
            self._body = dumps(progress_to_data(self._folding.snapshot()))
            self._encoded = self.seq
        return self._body

    def frame(self) -> bytes:
        """The progress object now as it is sent, one for all."""
        if self._framed != self.seq:
            self._frame = frame(self.body(), event=self.event, id=self.seq)
            self._framed = self.seq
        return self._frame

    def recent(self, after: int, size: int) -> Sequence[Framed] | None:
        """Events behind ``after``, some ``size`` bytes; None where they are no more here, but in the store."""
        if after >= self.seq:
            return []
        if not self._recent or self._recent[0].seq > after + 1:
            return None
        found: list[Framed] = []
        for index in range(len(self._recent) - (self._recent[-1].seq - after), len(self._recent)):
            found.append(self._recent[index])
            size -= len(found[-1].frame)
            if size <= 0:
                break
        return found

    async def _run(self) -> None:
        try:
            await self._begin()
            await self._follow()
        except SynapseError as error:
            self._fail(error)
        finally:
            self.over = True
            self.ring()

    async def _begin(self) -> None:
        state = await self._store.progress(self.run_id)
        self._folding, self.seq = Folding(state), state.seq
        if not self.ready.done():
            self.ready.set_result(None)

    def _fail(self, error: SynapseError) -> None:
        self.error = error
        if not self.ready.done():
            self.ready.set_exception(error)
            self.ready.exception()

    async def _follow(self) -> None:
        while True:
            try:
                async for events in self._store.watch(self.run_id, after=self.seq):
                    self._take(events)
                    del events  # not to be kept until there are others
                return
            except StoreUnavailableError:
                await asyncio.sleep(_AGAIN)

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            self._folding.apply(event)
            entry = framed(event)
            self._recent.append(entry)
            self._size += len(entry.frame)
            while self._size > _KEPT and len(self._recent) > 1:
                self._size -= len(self._recent.popleft().frame)
        self.seq = events[-1].seq
        self.ring()

    def ring(self) -> None:
        """Have all followers look."""
        for bell in self.bells:
            bell.set()


class Feeds:
    """The runs that are followed now, and the heartbeat of all streams.

    Args:
        store: the runs.
        heartbeat: seconds.
    """

    def __init__(self, store: Store, heartbeat: float) -> None:
        self._store = store
        self._heartbeat = heartbeat
        self._feeds: dict[str, Feed] = {}
        self._bells: set[asyncio.Event] = set()
        self._pulse: asyncio.Task[None] | None = None
        self.closing = False

    @property
    def count(self) -> int:
        """How many runs are followed."""
        return len(self._feeds)

    @asynccontextmanager
    async def bell(self) -> AsyncIterator[asyncio.Event]:
        """What wakes a follower: rung at heartbeats, and by the feeds that it `join`s."""
        bell = asyncio.Event()
        self._bells.add(bell)
        if self._pulse is None:
            self._pulse = asyncio.ensure_future(self._beat())
        try:
            yield bell
        finally:
            self._bells.discard(bell)

    @asynccontextmanager
    async def join(self, run_id: str, bell: asyncio.Event) -> AsyncIterator[Feed]:
        """Follow a run.

        Raises:
            SynapseError: it cannot be followed; a `RunNotFoundError` where there is none.
        """
        feed = self._feeds.get(run_id)
        if feed is None or feed.over:
            feed = self._feeds[run_id] = Feed(self._store, run_id)
        feed.bells.add(bell)
        try:
            await asyncio.shield(feed.ready)
            yield feed
        finally:
            feed.bells.discard(bell)
            if not feed.bells:
                self._drop(feed)

    def _drop(self, feed: Feed) -> None:
        feed.task.cancel()
        if self._feeds.get(feed.run_id) is feed:
            del self._feeds[feed.run_id]

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat / 3)
            self._ring()

    def _ring(self) -> None:
        for bell in self._bells:
            bell.set()

    def say_goodbye(self) -> None:
        """Have all streams end."""
        self.closing = True
        self._ring()

    async def close(self) -> None:
        """Stop following."""
        self.say_goodbye()
        tasks = [feed.task for feed in self._feeds.values()]
        if self._pulse is not None:
            tasks.append(self._pulse)
        for task in tasks:
            task.cancel()
        with contextlib.suppress(StoreError):
            await asyncio.gather(*tasks, return_exceptions=True)
