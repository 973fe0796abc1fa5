"""`Service`: the store that is served, and what is kept in memory about it."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from time import monotonic
from typing import TYPE_CHECKING

from aiohttp import web

from synapse_core.builtin.memory.pipelines import PipelinesInMemory
from synapse_core.protocols import PipelineStore, RunRecord, Store
from synapse_store.once import OnceStore
from synapse_store.runner import Runner
from synapse_store.service.feeds import Feeds
from synapse_store.service.once import RememberedBatches
from synapse_store.service.settings import Settings
from synapse_store.service.states import States
from synapse_store.service.tickets import Tickets

if TYPE_CHECKING:
    from synapse_store.service.gathering import Gathering

_RECORDS = 5_000
_PAGES = 8


class Service:
    """A store, and what serving it needs.

    Args:
        store: the runs.
        settings: see there.
        runner: takes up the runs that clients ask for; None: nobody does.
    """

    def __init__(self, store: Store, settings: Settings, runner: Runner | None = None) -> None:
        self.store = store
        self.settings = settings
        self.runner = runner
        self.stopping: asyncio.Future[None] | None = None
        self.pipelines: PipelineStore = store if isinstance(store, PipelineStore) else PipelinesInMemory(store)
        self.batches: OnceStore = store if isinstance(store, OnceStore) else RememberedBatches(store)
        self.feeds = Feeds(store, settings.heartbeat)
        self.states = States(store, self.record)
        self.tickets = Tickets()
        self.started = monotonic()
        self.counts: Counter[tuple[str, str, int]] = Counter()
        self.streams = 0
        self.pages = asyncio.Semaphore(_PAGES)
        self.taken = 0
        self._records: OrderedDict[str, RunRecord] = OrderedDict()
        self.gathering: Gathering | None = None
        self.ended: OrderedDict[str, bytes] = OrderedDict()

    async def record(self, run_id: str) -> RunRecord:
        """A run as it was asked for, which never changes.

        Raises:
            RunNotFoundError: there is no such run.
        """
        known = self._records.get(run_id)
        if known is None:
            known = self._records[run_id] = await self.store.record(run_id)
            while len(self._records) > _RECORDS:
                self._records.popitem(last=False)
        return known

    def forget(self, run_id: str) -> None:
        """A run is gone."""
        self._records.pop(run_id, None)
        self.ended.pop(run_id, None)
        self.states.forget(run_id)

    async def close(self) -> None:
        """End the streams."""
        await self.feeds.close()


SERVICE = web.AppKey("service", Service)
