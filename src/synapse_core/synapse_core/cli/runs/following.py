"""`Follower`: a run's events as they come, from whatever process; it ends with the run, or when nobody runs it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from synapse_core.cli.engines import engine_of
from synapse_core.events import Event
from synapse_core.fold import Folding
from synapse_core.models import PipelineProgress

if TYPE_CHECKING:
    from synapse_core.session import Session

_LOOK_EVERY = 2.0
"""Seconds without an event, after which it is looked whether anybody still runs the run."""

_PAGE = 1000


class Follower:
    """Iterates over batches of a run's events; Ctrl-C ends the waiting.

    Args:
        session: with the store.
        run_id: the run.
        after: the event to begin behind.
        kinds: of which kinds; all, if None.
        patient: wait on although nobody runs the run: its engine will be started again.

    Attributes:
        orphaned: it ended as nobody runs the run any more.
    """

    def __init__(
        self,
        session: Session,
        run_id: str,
        *,
        after: int = 0,
        kinds: Collection[str] | None = None,
        patient: bool = False,
    ) -> None:
        self.orphaned = False
        self._patient = patient
        self._session = session
        self._run_id = run_id
        self._after = after
        self._kinds = kinds
        self._batches: AsyncIterator[list[Event]] | None = None
        self._coming: asyncio.Future[list[Event]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._session.call(self._close())

    def __iter__(self) -> Iterator[list[Event]]:
        while (batch := self._session.call(self._next())) is not None:
            yield batch

    async def _next(self) -> list[Event] | None:
        """The next events; None at the end."""
        if self._batches is None:
            self._batches = self._session.store.watch(self._run_id, after=self._after, kinds=self._kinds)
        if self._coming is None:
            self._coming = asyncio.ensure_future(_step(self._batches))
        while not (await asyncio.wait({self._coming}, timeout=_LOOK_EVERY))[0]:
            if not self._patient and await self._is_orphan() and not self._coming.done():
                self.orphaned = True
                return None
        coming, self._coming = self._coming, None
        return await coming or None

    async def _is_orphan(self) -> bool:
        store = self._session.store
        return (await engine_of(store, await store.progress(self._run_id))).gone

    async def _close(self) -> None:
        if self._coming is not None:
            self._coming.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._coming
        if isinstance(self._batches, AsyncGenerator):
            await self._batches.aclose()


async def _step(batches: AsyncIterator[list[Event]]) -> list[Event]:
    return await anext(batches, [])


def read(
    session: Session, run_id: str, *, after: int = 0, kinds: Collection[str] | None = None, action: str | None = None
) -> Iterator[list[Event]]:
    """The events that there are, in pages."""
    while True:
        page = session.call(session.store.read(run_id, after=after, limit=_PAGE, kinds=kinds, action=action))
        if page:
            yield page
        if len(page) < _PAGE:
            return
        after = page[-1].seq


def states(start: PipelineProgress, batches: Iterable[list[Event]]) -> Iterator[PipelineProgress]:
    """The state to start with, and those that the events behind it lead to, one a batch."""
    yield start
    folding = Folding(start)
    for batch in batches:
        for event in batch:
            folding.apply(event)
        yield folding.snapshot()
