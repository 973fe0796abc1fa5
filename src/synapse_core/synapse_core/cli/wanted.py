"""Which folders of runs are still wanted, and by which runs: `wanted`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from datetime import datetime
from typing import Any

from synapse_core.builtin.console.text import visible
from synapse_core.cli.naming import short_id
from synapse_core.errors import RunNotFoundError
from synapse_core.events import Kind
from synapse_core.ids import RUN_ID
from synapse_core.models import RunStatus
from synapse_core.protocols import RunSummary, Store

_PAGE = 1000


async def wanted(store: Store, folders: Collection[str], since: datetime) -> dict[str, str]:
    """Why folders are to stay, by the ids of the runs that they belong to.

    A run that has not ended, and can be recovered, wants its own. Such a run, or one that has ended after ``since``,
    wants those that are named in its params and in results that it has reused; until it has completed, also that of
    the run that it was resumed from, and those that a state which was saved mid-way names.

    Raises:
        StoreError: the store cannot be read.
    """
    kept: dict[str, str] = {}
    async for run in _in_use(store, since):
        if run.id in folders and not run.status.is_terminal():
            kept[run.id] = "the run has not ended"
        with suppress(RunNotFoundError):  # deleted meanwhile
            for other in (await _named_by(store, run) & set(folders)) - {run.id}:
                kept.setdefault(other, f"run {short_id(run.id)} ({visible(run.name)}, {run.status}) uses it")
    return kept


async def _in_use(store: Store, since: datetime) -> AsyncIterator[RunSummary]:
    before = None
    while page := await store.list_runs(limit=_PAGE, before=before):
        for run in page:
            if run.completed_at is None or run.completed_at >= since:
                yield run
        before = page[-1].id


async def _named_by(store: Store, run: RunSummary) -> set[str]:
    """The ids in what a run has from others: they are in every path into a run's folder."""
    record = await store.record(run.id)
    data: list[Any] = [record.params]
    if record.resumed_from is not None:
        data += [(each.result, each.artifacts_path) for each in await store.checkpoints(run.id)]
        if run.status is not RunStatus.COMPLETED:
            data += [record.resumed_from, await _midway(store, run.id), await _midway(store, record.resumed_from)]
    return set(RUN_ID.findall(json.dumps(data)))


async def _midway(store: Store, run_id: str) -> list[Any]:
    """What actions have saved of themselves, where their files are among it."""
    with suppress(RunNotFoundError):
        return [event.payload for event in await store.read(run_id, kinds={Kind.ACTION_CHECKPOINT})]
    return []
