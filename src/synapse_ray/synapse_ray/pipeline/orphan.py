"""The end of a run that cannot be gone on with: written for its engine, so that nobody waits for it for ever."""

from __future__ import annotations

from synapse_core.events import Kind
from synapse_core.protocols import Store
from synapse_core.session.orphans import end_of
from synapse_core.session.owner import is_dead, owner_id

_TTL = 30.0


async def end_run(store: Store, run_id: str, reason: str) -> None:
    """Write that the run has failed; what it has completed stays, for a resume.

    Raises:
        LeaseLostError: an engine has claimed it meanwhile.
    """
    held = await store.lease(run_id)
    dead = held if held is not None and is_dead(held.owner) else None
    lease = await store.acquire(run_id, owner_id(), _TTL, over=dead)
    progress = await store.progress(run_id)
    if not progress.status.is_terminal():
        await store.append(run_id, end_of(progress, Kind.RUN_FAILED, reason, "interrupted"), lease=lease)
    await store.release(lease)
