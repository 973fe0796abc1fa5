"""Pipelines by their definition, and runs made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from synapse_core.errors import NotFoundError
from synapse_core.events import Draft, Kind, now
from synapse_core.ids import new_run_id
from synapse_core.models import RunStatus
from synapse_core.protocols import PipelineRecord, RunRecord, RunSummary
from synapse_core.session.orphans import ORIGIN
from synapse_store.service.answers import Refusal, answer, conflict, nothing
from synapse_store.service.asking import Call
from synapse_store.service.core import Service
from synapse_store.wire.asked import NewAction
from synapse_store.wire.codec import Data, run_to_data
from synapse_store.wire.text import iso

_PAGE = 500


async def create(call: Call) -> web.Response:
    """Keep a definition."""
    asked = call.body
    actions = _merged(asked.actions, call.sent)
    _check(asked.actions)
    pipeline = PipelineRecord(new_run_id(), asked.name, actions, now(), asked.description)
    await call.service.pipelines.create_pipeline(pipeline)
    return answer(to_data(pipeline), 201)


def _merged(actions: Sequence[NewAction], sent: Any) -> list[dict[str, Any]]:
    """The actions as they were sent: what they have beside the fields that matter here is kept."""
    return [dict(each) for each, _ in zip(sent["actions"], actions, strict=True)]


def _check(actions: Sequence[NewAction]) -> None:
    """Names are used once, and what is needed came before.

    Raises:
        Refusal: that is not so.
    """
    wrong: list[tuple[str, str]] = []
    known: set[str] = set()
    for index, action in enumerate(actions):
        if action.name in known:
            wrong.append((f"actions[{index}].name", f"there is an action {action.name[:100]!r} already"))
        for place, need in enumerate(action.needs or ()):
            if need not in known:
                wrong.append((f"actions[{index}].needs[{place}]", f"no action {need[:100]!r} stands before this one"))
        known.add(action.name)
    if wrong:
        raise Refusal(422, "the request has wrong fields", wrong)


async def show(call: Call) -> web.Response:
    """A definition."""
    return answer(to_data(await find(call.service, call.request.match_info["pipeline_id"])))


async def listed(call: Call) -> web.Response:
    """Definitions, newest first."""
    skip, limit = call.query["skip"], call.query["limit"]
    found: list[PipelineRecord] = []
    while len(found) < skip + limit:
        page = await call.service.pipelines.list_pipelines(
            limit=min(skip + limit - len(found), _PAGE), before=found[-1].id if found else None
        )
        if not page:
            break
        found += page
    return answer([to_data(each) for each in found[skip:]])


async def delete(call: Call) -> web.Response:
    """Forget a definition and its runs."""
    service, pipeline_id = call.service, call.request.match_info["pipeline_id"]
    await find(service, pipeline_id)
    if await service.pipelines.pipeline_runs(pipeline_id, status=RunStatus.RUNNING, limit=1):
        raise conflict("a run of this pipeline is running: cancel it first")
    while runs := await service.pipelines.pipeline_runs(pipeline_id, limit=_PAGE):
        for run in runs:
            await _forget(service, run)
    await service.pipelines.delete_pipeline(pipeline_id)
    return nothing()


async def _forget(service: Service, run: RunSummary) -> None:
    await service.store.delete(run.id)
    service.forget(run.id)


async def start(call: Call) -> web.Response:
    """Make a run; whoever runs it reports on it."""
    service = call.service
    pipeline = await find(service, call.request.match_info["pipeline_id"])
    record = _record(pipeline, call.body.params or {}, call.body.work_dir)
    payload = {
        "name": record.name,
        "pipeline_id": pipeline.id,
        "nodes": record.plan["nodes"],
        "params": record.params,
    }
    await service.store.create(record, [Draft(Kind.RUN_CREATED, record.created_at, None, 0, payload)])
    return answer(run_to_data(record, await service.store.progress(record.id)), 201)


def _record(pipeline: PipelineRecord, params: Mapping[str, Any], work_dir: str | None) -> RunRecord:
    names = [action["name"] for action in pipeline.actions]
    nodes = [
        {"action": name, **action, "needs": list(action.get("needs") or names[max(index - 1, 0) : index])}
        for index, (name, action) in enumerate(zip(names, pipeline.actions, strict=True))
    ]
    plan = {"name": pipeline.name, "nodes": nodes}
    return RunRecord(
        new_run_id(), pipeline.name, params, plan, now(), work_dir, pipeline.id, options={"origin": ORIGIN}
    )


async def find(service: Service, pipeline_id: str) -> PipelineRecord:
    """A definition.

    Raises:
        Refusal: there is none of that id.
    """
    try:
        return await service.pipelines.pipeline(pipeline_id)
    except NotFoundError:
        raise Refusal(404, f"there is no pipeline {pipeline_id[:200]!r}") from None


def to_data(pipeline: PipelineRecord) -> Data:
    """A pipeline."""
    return {
        "id": pipeline.id,
        "name": pipeline.name,
        "description": pipeline.description,
        "actions": list(pipeline.actions),
        "created_at": iso(pipeline.created_at),
    }
