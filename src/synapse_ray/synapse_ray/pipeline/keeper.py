"""`Keeper`: the actor by which a driver reads and writes the file of runs on the head node."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple

from synapse_core.events import Event
from synapse_ray.pipeline.answers import Answer, answer
from synapse_ray.pipeline.place import local_store_url, open_store
from synapse_ray.priority import go_first


class Batch(NamedTuple):
    """Events of a run that came; ``ended``: there are no more, and there will be none."""

    events: list[Event]
    ended: bool = False


class Keeper:
    """Answers for the store on its node; it belongs to one driver and goes with it."""

    def __init__(self) -> None:
        go_first()
        self._url = local_store_url()
        self._store: Any = None

    def _opened(self) -> Any:
        if self._store is None:
            self._store = open_store(self._url)
        return self._store

    async def where(self) -> str:
        """The URL of the store, as it is on the keeper's node."""
        return self._url

    async def ask(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Answer:
        """Call a coroutine of the store's."""

        async def ask() -> Any:
            return await getattr(self._opened(), method)(*args, **kwargs)

        return await answer(ask())

    async def poll(self, run_id: str, after: int, kinds: Collection[str] | None, seconds: float) -> Answer:
        """Wait at most ``seconds`` for events of a run: a `Batch`, which may be empty."""
        return await answer(self._poll(run_id, after, kinds, seconds))

    async def _poll(self, run_id: str, after: int, kinds: Collection[str] | None, seconds: float) -> Batch:
        async with aclosing(self._opened().watch(run_id, after=after, kinds=kinds)) as batches:
            try:
                return Batch(await asyncio.wait_for(anext(batches), seconds))
            except TimeoutError:
                return Batch([])
            except StopAsyncIteration:
                return Batch([], ended=True)
