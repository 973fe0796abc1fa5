"""Runs that nobody runs any more: what tells them, and how one is ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from synapse_core.events import Draft, Kind, now, unreached
from synapse_core.models import ActionProgress, ActionStatus, PipelineProgress, RunStatus
from synapse_core.protocols import Lease, RunRecord, Store
from synapse_core.session.owner import is_dead, owner_id

ORIGIN = "service"
"""``options["origin"]`` of the runs that a service makes for clients, who report on them."""

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


def is_reported(record: RunRecord) -> bool:
    """Whether a client of a service reports on the run, as long as no engine has claimed it."""
    return record.options.get("origin") == ORIGIN


async def cancel_orphan(store: Store, run_id: str, reason: str) -> bool:
    """Write the end of a run that nobody runs, as its engine would have; False where it has one, or has ended.

    Raises:
        RunNotFoundError: there is no such run.
        LeaseLostError: an engine has claimed it meanwhile.
    """
    progress, held = await store.progress(run_id), await store.lease(run_id)
    if not is_orphan(progress.status, held, progress.created_at):
        return False
    return await _write_end(store, run_id, held, lambda progress: cancelled(progress, reason))


def cancelled(progress: PipelineProgress, reason: str) -> list[Draft]:
    """The end of a run that is cancelled and that no engine ends."""
    asked = Draft(Kind.RUN_CANCEL_REQUESTED, now(), None, 0, {"reason": reason, "force": False})
    ended = end_of(progress, Kind.RUN_CANCELLED, reason, "cancelled")
    return ended if progress.cancel_requested else [asked, *ended]


async def fail_orphan(store: Store, run_id: str, reason: str) -> bool:
    """Write that a run whose engine is gone has failed; what it has completed stays. False where it has ended.

    Raises:
        RunNotFoundError: there is no such run.
        LeaseLostError: an engine has it.
    """
    if (await store.progress(run_id)).status.is_terminal():
        return False
    held = await store.lease(run_id)
    dead = held if held is not None and is_dead(held.owner) else None
    return await _write_end(
        store, run_id, dead, lambda progress: end_of(progress, Kind.RUN_FAILED, reason, "interrupted")
    )


async def _write_end(
    store: Store, run_id: str, over: Lease | None, end: Callable[[PipelineProgress], list[Draft]]
) -> bool:
    """Claim a run and write its end, unless an engine has come and gone since it was looked at."""
    lease = await store.acquire(run_id, owner_id(), _TTL, over=over)
    progress = await store.progress(run_id)
    unended = not progress.status.is_terminal()
    if unended:
        await store.append(run_id, end(progress), lease=lease)
    await store.release(lease)
    return unended


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
        return unreached(entry.name, reason)
    failure = {"type": "ActionCancelled", "message": reason, "traceback": ""}
    return Draft(Kind.ACTION_FAILED, now(), entry.name, entry.attempt, {"error": error, "failure": failure})
