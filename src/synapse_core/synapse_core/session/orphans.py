"""Runs that nobody runs any more: what tells them, and how one is cancelled."""

from __future__ import annotations

from datetime import datetime, timedelta

from synapse_core.events import Draft, Kind, now
from synapse_core.models import ActionProgress, ActionStatus, PipelineProgress, RunStatus
from synapse_core.protocols import Lease, Store
from synapse_core.session.owner import is_dead, owner_id

_STARTING = timedelta(seconds=10)
_TTL = 30.0


def is_orphan(status: RunStatus, lease: Lease | None, created_at: datetime | None) -> bool:
    """Whether the engine of a run that has not ended is gone.

    One without a lease was given up by its engine; but one that was created just now is about to be claimed.
    """
    if status.is_terminal():
        return False
    if lease is not None:
        return is_dead(lease.owner) or lease.expires_at <= now()
    return status is RunStatus.RUNNING or created_at is None or now() - created_at > _STARTING


async def cancel_orphan(store: Store, run_id: str, reason: str) -> bool:
    """Write the end of a run that nobody runs, as its engine would have; False where it has one, or has ended.

    Raises:
        RunNotFoundError: there is no such run.
        LeaseLostError: an engine has claimed it meanwhile.
    """
    progress, held = await store.progress(run_id), await store.lease(run_id)
    if not is_orphan(progress.status, held, progress.created_at):
        return False
    lease = await store.acquire(run_id, owner_id(), _TTL, over=held)
    progress = await store.progress(run_id)  # an engine may have come and gone since
    if progress.status.is_terminal():
        await store.release(lease)
        return False
    asked = Draft(Kind.RUN_CANCEL_REQUESTED, now(), None, 0, {"reason": reason, "force": False})
    ended = end_of(progress, Kind.RUN_CANCELLED, reason, "cancelled")
    await store.append(run_id, ended if progress.cancel_requested else [asked, *ended], lease=lease)
    await store.release(lease)
    return True


def end_of(progress: PipelineProgress, kind: Kind, reason: str, of_actions: str) -> list[Draft]:
    """The end of a run whose engine is gone: what was running has failed, what had not started is skipped.

    Args:
        progress: as the run was left.
        kind: of the run's end.
        reason: why, for the run.
        of_actions: the error of the actions that were running.
    """
    entries = [*progress.instances.values(), *progress.progress]
    ended = [_of_action(entry, reason, of_actions) for entry in entries if not entry.status.is_terminal()]
    return [*ended, Draft(kind, now(), None, 0, {"error": reason, "errors": []})]


def _of_action(entry: ActionProgress, reason: str, error: str) -> Draft:
    if entry.status is ActionStatus.PENDING:
        return Draft(Kind.ACTION_SKIPPED, now(), entry.name, 0, {"reason": reason})
    failure = {"type": "ActionCancelled", "message": reason, "traceback": ""}
    return Draft(Kind.ACTION_FAILED, now(), entry.name, entry.attempt, {"error": error, "failure": failure})
