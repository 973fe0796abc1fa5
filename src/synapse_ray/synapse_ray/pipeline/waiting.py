"""Waiting for a run, and following it, for as long as there is something to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Self, TypeVar

from synapse_core.errors import ExecutionError, StoreUnavailableError
from synapse_core.events import Event
from synapse_core.models import PipelineProgress
from synapse_ray.pipeline.homes import Home
from synapse_ray.pipeline.vigil import Vigil

T = TypeVar("T")

_PAUSE = 0.5
"""Seconds until a store that did not answer is asked again; the vigil says when that is in vain."""


class Guarded:
    """Awaits what is given to it while a vigil is kept; what the vigil raises ends the waiting."""

    def __init__(self, vigil: Vigil) -> None:
        self._vigil = vigil

    async def __aenter__(self) -> Self:
        self._keeping = asyncio.ensure_future(self._vigil.keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        await _ended(self._keeping)

    async def get(self, work: Awaitable[T]) -> T:
        """What ``work`` gives."""
        working = asyncio.ensure_future(work)
        try:
            await asyncio.wait({working, self._keeping}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                self._keeping.result()
            return working.result()
        finally:
            await _ended(working)


async def _ended(task: asyncio.Future[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def wait(home: Home, run_id: str, seconds: float | None, pause: float) -> PipelineProgress:
    """As `Session.wait`, for at most ``seconds``; every ``pause`` seconds it is looked whether the engine lives.

    Raises:
        ExecutionError: it failed, or has not ended in time, or nobody runs it any more.
        StoreUnavailableError: its store does not answer any more.
        ClusterUnreachableError: nor does its cluster.
    """
    async with Guarded(_vigil(home, run_id, pause)) as guarded:
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        return await guarded.get(home.session.wait_async(run_id))
                    except StoreUnavailableError:
                        await guarded.get(asyncio.sleep(_PAUSE))
        except TimeoutError:
            raise _late(run_id, seconds) from None


def states(home: Home, run_id: str, seconds: float | None, pause: float) -> AsyncIterator[PipelineProgress]:
    """As `Session.stream_progress`; raises as `wait`, but for a run that failed."""
    return _followed(home, run_id, seconds, pause, lambda _: home.session.stream_progress_async(run_id))


def events(home: Home, run_id: str, after: int, pause: float) -> AsyncIterator[Event]:
    """As `Session.stream_events`; raises as `states`."""

    def stream(last: Event | None) -> AsyncIterator[Event]:
        return home.session.stream_events_async(run_id, after if last is None else last.seq)

    return _followed(home, run_id, None, pause, stream)


async def _followed(
    home: Home, run_id: str, seconds: float | None, pause: float, stream: Callable[[T | None], AsyncIterator[T]]
) -> AsyncIterator[T]:
    """What ``stream`` gives; it is called with the last of that, and again when its store was away."""
    until = None if seconds is None else asyncio.get_running_loop().time() + seconds
    last: T | None = None
    async with Guarded(_vigil(home, run_id, pause)) as guarded:
        while True:
            items: Any = stream(last)
            async with aclosing(items):
                try:
                    while True:
                        async with asyncio.timeout_at(until):
                            item: T = await guarded.get(anext(items))
                        last = item
                        yield item
                except StopAsyncIteration:
                    return
                except StoreUnavailableError:
                    await guarded.get(asyncio.sleep(_PAUSE))
                except TimeoutError:
                    raise _late(run_id, seconds) from None


def _vigil(home: Home, run_id: str, pause: float) -> Vigil:
    return Vigil(home.session.store, home.cluster, run_id, pause)


def _late(run_id: str, seconds: float | None) -> ExecutionError:
    return ExecutionError(
        f"run {run_id} has not ended after {seconds:g} s", run_id=run_id, hint="it still runs; wait or cancel it"
    )
