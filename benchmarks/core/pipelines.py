"""Pipelines of no-ops: what the engine adds to each action."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.samples import Params, bare, noop, report, run_through
from benchmarks.suite import Theme, Work
from benchmarks.timing import once
from synapse_core import ActionPipeline, Session
from synapse_core.events import Event

theme = Theme()

_COUNT = 200
_MERGED = f"{_COUNT} functions called, their dicts merged"


class _Counting:
    """The cheapest sink there is: what listening itself costs."""

    def __init__(self) -> None:
        self.events = 0

    def write(self, events: Sequence[Event]) -> None:
        self.events += len(events)

    def close(self) -> None:
        """Nothing is held."""


@theme.measures("an action of 200 in sequence", bare=_MERGED, target=60e-6)
def sequence() -> Iterator[Work]:
    """200 no-ops one after the other, in memory: params merged, two events and a checkpoint each, state folded.

    The run's own cost is included.
    """
    pipeline = ActionPipeline([noop] * _COUNT)
    with Session(entry_points=False) as session:
        yield Work(once(lambda: run_through(session, pipeline, {"x": 1}), _COUNT), once(_merge, _COUNT))


@theme.measures("an action of 200, each reporting, with a sink", bare=_MERGED, target=60e-6)
def heard_sequence() -> Iterator[Work]:
    """The same, each action setting its progress (an event more), and a sink that is told all of it."""
    pipeline = ActionPipeline([report] * _COUNT)
    with Session(entry_points=False) as session:
        yield Work(
            once(lambda: run_through(session, pipeline, {"x": 1}, sinks=[_Counting()]), _COUNT), once(_merge, _COUNT)
        )


@theme.measures("an action of 200 side by side", bare="200 functions sent from asyncio to threads and awaited")
def parallel() -> Iterator[Work]:
    """200 no-ops that need nothing of each other: each is scheduled by itself and goes to a thread and back."""
    pipeline = ActionPipeline([[noop] * _COUNT])
    with Session(entry_points=False) as session, ThreadPoolExecutor(6) as pool:
        yield Work(
            once(lambda: run_through(session, pipeline, {"x": 1}), _COUNT), once(_gathering(pool, _COUNT), _COUNT)
        )


@theme.measures("a hop: asyncio to a thread and back", bare="a function called")
def hop() -> Iterator[Work]:
    """Bare parts on both sides: what every engine pays that runs an action in a thread and waits for it."""
    with ThreadPoolExecutor(1) as pool:
        yield Work(once(_hopping(pool, _COUNT), _COUNT), once(_merge, _COUNT))


def _merge() -> None:
    params: dict[str, Any] = {"x": 1}
    for _ in range(_COUNT):
        params = {**params, **bare(Params(**params))}


def _gathering(pool: ThreadPoolExecutor, count: int) -> Callable[[], None]:
    async def gather() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(pool, bare, Params(1)) for _ in range(count)))

    return lambda: asyncio.run(gather())


def _hopping(pool: ThreadPoolExecutor, count: int) -> Callable[[], None]:
    async def hop() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            await loop.run_in_executor(pool, bare, Params(1))

    return lambda: asyncio.run(hop())
