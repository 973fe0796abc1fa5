"""Batches written once, for stores that do not keep track of producers themselves: `RememberedBatches`."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from attrs import define, field

from synapse_core.events import Draft
from synapse_core.models import Checkpoint
from synapse_core.protocols import Lease, Store
from synapse_store.once import Batch, check

_MOST = 20_000


@define
class _Producer:
    epoch: int = 0
    seq: int = 0
    last: int = 0
    lock: asyncio.Lock = field(factory=asyncio.Lock)


class RememberedBatches:
    """Keeps track of producers in this process.

    That is enough where the store's runs live no longer than it does, as with a memory store; where another kind of
    store knows no producers, a batch that was written just before the service died may be written twice.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._producers: OrderedDict[tuple[str, str], _Producer] = OrderedDict()

    async def append_once(
        self,
        run_id: str,
        batch: Batch,
        drafts: Sequence[Draft],
        *,
        checkpoints: Sequence[Checkpoint] = (),
        lease: Lease | None = None,
    ) -> int:
        """See `OnceStore.append_once`."""
        key = run_id, batch.producer
        producer = self._producers.setdefault(key, _Producer())
        self._producers.move_to_end(key)
        while len(self._producers) > _MOST:
            self._producers.popitem(last=False)
        async with producer.lock:
            if not check(batch, producer.epoch, producer.seq):
                await self._store.record(run_id)  # which says so where the run was deleted
                return producer.last
            last = await self._store.append(run_id, drafts, checkpoints=checkpoints, lease=lease)
            producer.epoch, producer.seq, producer.last = batch.epoch, batch.seq, last
            return last
