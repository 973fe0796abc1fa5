"""What engines keep by the service: the events, leases and records of the runs that they run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from aiohttp import web
from attrs import asdict

from synapse_core.errors import LeaseLostError, RunNotFoundError, StoreError, StoreUnavailableError
from synapse_core.events import Draft, now
from synapse_core.models import ActionStatus, Checkpoint
from synapse_core.protocols import Lease, RunRecord
from synapse_store.once import Append, Batch
from synapse_store.service.answers import Refusal, answer, conflict, nothing
from synapse_store.service.asking import Call
from synapse_store.wire.asked import Batch as Sent
from synapse_store.wire.asked import Held, Kept, NewEvent
from synapse_store.wire.codec import event_to_data, lease_to_data, record_to_data

_LONG_AGO = timedelta(days=1)


async def create(call: Call) -> web.Response:
    """Keep a new run, its first events, and the checkpoints that it takes over."""
    asked = call.body
    record = RunRecord(**asdict(asked.run, recurse=False))
    try:
        last = await call.service.store.create(record, drafts_of(asked.events), _kept(record.id, asked.checkpoints))
    except StoreUnavailableError:
        raise
    except StoreError:
        if not await _is_there(call, record.id):
            raise
        raise conflict(f"there is a run {record.id!r} already") from None
    return answer({"seq": last}, 201)


async def _is_there(call: Call, run_id: str) -> bool:
    try:
        await call.service.store.record(run_id)
    except RunNotFoundError:
        return False
    return True


async def record(call: Call) -> web.Response:
    """The run as it was asked for."""
    return answer(record_to_data(await call.service.store.record(call.run_id)))


async def read(call: Call) -> web.Response:
    """Events, oldest first."""
    query = call.query
    events = await call.service.store.read(
        call.run_id,
        after=query["after"],
        limit=query["limit"],
        kinds=query["kind"] or None,
        action=query["action"],
    )
    return answer([event_to_data(event) for event in events])


async def append(call: Call) -> bytes:
    """Add a batch, once."""
    run_id, drafts, checkpoints, lease, batch = append_of(call.run_id, call.body)
    assert batch is not None  # each has its number
    last = await call.service.batches.append_once(run_id, batch, drafts, checkpoints=checkpoints, lease=lease)
    call.service.taken += len(drafts)
    return b'{"seq":%d}' % last


def append_of(run_id: str, asked: Sent) -> Append:
    """What a batch adds to a run."""
    lease = None if asked.lease is None else _lease(run_id, asked.lease)
    batch = Batch(asked.producer, asked.epoch, asked.seq)
    return Append(run_id, drafts_of(asked.events), _kept(run_id, asked.checkpoints), lease, batch)


def drafts_of(events: Iterable[NewEvent]) -> list[Draft]:
    """Events that have no number yet."""
    return [Draft(each.kind, each.time or now(), each.action, each.attempt, each.payload) for each in events]


def _kept(run_id: str, checkpoints: Iterable[Kept]) -> list[Checkpoint]:
    found: list[Checkpoint] = []
    for each in checkpoints:
        fields: dict[str, Any] = {**asdict(each, recurse=False), "status": ActionStatus(each.status)}
        found.append(Checkpoint(run_id=run_id, **fields))
    return found


# -- leases -----------------------------------------------------------------------------------------------------


async def lease(call: Call) -> web.Response:
    """The newest lease, or null."""
    found = await call.service.store.lease(call.run_id)
    return answer(None if found is None else lease_to_data(found))


async def acquire(call: Call) -> web.Response:
    """Claim a run."""
    asked, run_id = call.body, call.run_id
    over = None if asked.over is None else _lease(run_id, asked.over)
    return answer(lease_to_data(await call.service.store.acquire(run_id, asked.owner, asked.ttl, over=over)))


async def renew(call: Call) -> web.Response:
    """Hold on to a run."""
    asked = call.body
    held = _lease(call.run_id, Held(asked.owner, asked.epoch))
    return answer(lease_to_data(await call.service.store.renew(held, asked.ttl)))


async def release(call: Call) -> web.Response:
    """Give a run back; nothing happens where it is another's."""
    held = Held(call.query["owner"], call.query["epoch"])
    await call.service.store.release(_lease(call.run_id, held))
    return nothing()


def _lease(run_id: str, held: Held) -> Lease:
    return Lease(run_id, held.owner, held.epoch, held.expires_at or now() - _LONG_AGO)


def lost(error: LeaseLostError) -> Refusal:
    """A claim or a write that was refused, and whose the run is."""
    detail = "another engine has the run"
    return conflict(detail, lease=lease_to_data(error.lease) if error.lease else None)
