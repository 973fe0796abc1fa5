"""Checkpoints: what completed actions left, with the params that were known then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web
from attrs import evolve

from synapse_core.errors import PipelineError
from synapse_core.events import Draft, now
from synapse_core.models import ActionProgress, ActionStatus, Checkpoint, PipelineProgress
from synapse_core.pipeline import Plan
from synapse_core.pipeline.snapshot import snapshots
from synapse_core.protocols import RunRecord
from synapse_store.service.answers import Refusal, answer
from synapse_store.service.asking import Call
from synapse_store.service.reports import find_action, of_completed
from synapse_store.service.runs import refuse_if_held
from synapse_store.wire.asked import NewCheckpoint
from synapse_store.wire.codec import Data, checkpoint_to_data
from synapse_store.wire.text import iso

GIVEN = "checkpoint.params"
"""An event that changes no state: the params snapshot that a client gave with a checkpoint, as stores keep none."""

_PAGE = 1_000


async def create(call: Call) -> web.Response:
    """Keep a checkpoint, and in the same transaction that its action has completed."""
    asked: NewCheckpoint = call.body
    async with call.service.states.hold(call.run_id) as run:
        await refuse_if_held(call.service, run)
        entry = find_action(run.state(), asked.action_name, "action_name")
        made = _checkpoint(call.run_id, asked, entry)
        await run.write(_events(asked, run.state(), entry, made), [made])
    found = await _all(call)
    return answer(next(each for each in reversed(found) if each["action_name"] == asked.action_name), 201)


def _checkpoint(run_id: str, asked: NewCheckpoint, entry: ActionProgress) -> Checkpoint:
    return Checkpoint(
        run_id,
        asked.action_name,
        asked.action_index,
        ActionStatus(asked.status),
        asked.result,
        attempt=max(entry.attempt, 1),
        created_at=now(),
        artifacts_path=asked.artifacts_path,
    )


def _events(asked: NewCheckpoint, state: PipelineProgress, entry: ActionProgress, made: Checkpoint) -> list[Draft]:
    found: list[Draft] = []
    if asked.params_snapshot is not None and made.created_at is not None:
        payload = {"params": asked.params_snapshot, "created_at": iso(made.created_at)}
        found.append(Draft(GIVEN, now(), asked.action_name, made.attempt, payload))
    if made.status is ActionStatus.COMPLETED:
        found += of_completed(state, entry)
    return found


async def listed(call: Call) -> web.Response:
    """The run's checkpoints, oldest first; ``raw``: as the store keeps them."""
    if call.query["raw"]:
        kept = await call.service.store.checkpoints(call.run_id)
        return answer([_to_data(each, index) for index, each in enumerate(kept, 1)])
    return answer(await _all(call))


async def latest(call: Call) -> web.Response:
    """The newest checkpoint."""
    return answer(_last(await _all(call), "this run has no checkpoint"))


async def of_action(call: Call) -> web.Response:
    """The newest checkpoint of an action."""
    name = call.request.match_info["action_name"]
    found = [each for each in await _all(call) if each["action_name"] == name]
    return answer(_last(found, f"this run has no checkpoint of {name[:200]!r}"))


def _last(found: Sequence[Data], otherwise: str) -> Data:
    if not found:
        raise Refusal(404, otherwise)
    return found[-1]


async def _all(call: Call) -> list[Data]:
    store, run_id = call.service.store, call.run_id
    kept = await store.checkpoints(run_id)
    if not kept:
        return []
    worked_out = _worked_out(await call.service.record(run_id), kept)
    given = await _given(call)
    found: list[Data] = []
    for index, each in enumerate(kept, 1):
        when = None if each.created_at is None else iso(each.created_at)
        snapshot = given.get((each.action_name, when), worked_out.get(each.action_name))
        found.append(_to_data(evolve(each, params_snapshot=snapshot), index))
    return found


def _worked_out(record: RunRecord, kept: Sequence[Checkpoint]) -> dict[str, Any]:
    """By action, the params after it; of pipelines that are no plan, the initial ones and what was added since."""
    try:
        found = snapshots(Plan.from_data(record.plan), record.params, kept)
        return {each.action_name: each.params_snapshot for each in found}
    except PipelineError:
        return {}


async def _given(call: Call) -> dict[tuple[str | None, Any], Any]:
    found: dict[tuple[str | None, Any], Any] = {}
    after = 0
    while events := await call.service.store.read(call.run_id, after=after, limit=_PAGE, kinds=[GIVEN]):
        after = events[-1].seq
        for event in events:
            found[event.action, event.payload.get("created_at")] = event.payload.get("params")
    return found


def _to_data(checkpoint: Checkpoint, number: int) -> Data:
    return {"id": f"{checkpoint.run_id}.{number:06d}", **checkpoint_to_data(checkpoint)}
