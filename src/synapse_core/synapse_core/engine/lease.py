"""The engine's claim on its run: `LeaseKeeper`."""

from __future__ import annotations

import asyncio
import contextlib

from synapse_core.errors import LeaseLostError, StoreError, StoreUnavailableError
from synapse_core.protocols import Lease, Store


class LeaseKeeper:
    """Holds a lease and renews it at a third of its time to live.

    The epoch never changes while it is held, so the lease that `acquire` gave is good for every write.
    """

    def __init__(self, store: Store, run_id: str, owner: str, ttl: float, over: Lease | None = None) -> None:
        self._store = store
        self._run_id = run_id
        self._owner = owner
        self._ttl = ttl
        self._over = over
        self._lease: Lease | None = None

    @property
    def pause(self) -> float:
        """How long to wait, in seconds, before it is renewed for the first time, and each time."""
        return self._ttl / 3

    async def acquire(self) -> Lease:
        """Claim the run.

        Raises:
            LeaseLostError: another engine holds it.
        """
        self._lease = await self._store.acquire(self._run_id, self._owner, self._ttl, over=self._over)
        return self._lease

    async def keep(self) -> None:
        """Renew now, and for ever. A store that is away is tried again: while nobody else claims the run it is ours.

        Raises:
            LeaseLostError: another engine has claimed the run.
        """
        while self._lease is not None:
            try:
                self._lease = await self._store.renew(self._lease, self._ttl)
            except LeaseLostError:
                raise
            except StoreUnavailableError:
                pass
            await asyncio.sleep(self.pause)

    async def release(self) -> None:
        """Give the run back, if it can be."""
        if self._lease is not None:
            with contextlib.suppress(StoreError):
                await self._store.release(self._lease)
            self._lease = None
