"""The list of runs: newest first, by page, and always by an index (`page`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from synapse_core.models import RunStatus
from synapse_core.protocols import RunSummary
from synapse_store.sqlite.readers import Query, Readers
from synapse_store.sqlite.rows import SUMMARY_COLUMNS, summary_of
from synapse_store.sqlite.values import micros

_FEW = 1_000

_NEWER = Query("SELECT count(*) FROM (SELECT 1 FROM runs WHERE created_at >= ? LIMIT ?)", lambda row, _: int(row[0]))


async def page(
    readers: Readers,
    *,
    status: RunStatus | None,
    name: str | None,
    pipeline: str | None,
    since: datetime | None,
    limit: int,
    before: str | None,
) -> Sequence[RunSummary]:
    """See `Store.list_runs`; ``pipeline`` is a pipeline's id."""
    wanted: dict[str, Any] = {"status": status and str(status), "name": name, "pipeline_id": pipeline}
    terms = {f"{column} = ?": value for column, value in wanted.items() if value is not None}
    few = False
    if since is not None:
        terms["created_at >= ?"] = micros(since)
        few = await readers.one(_NEWER, micros(since), _FEW) != _FEW
    if before is not None:
        terms["id < ?"] = before
    return await readers.fetch(_query(tuple(terms), few), *terms.values(), limit)


def _query(terms: Sequence[str], few: bool) -> Query[RunSummary]:
    """The query for these conditions.

    Where only ``few`` runs are new enough they are found by their time, and sorted; else the order is that of the ids,
    by whichever index has it, and the first page of it is full soon. Without the hint SQLite cannot tell.
    """
    index = " INDEXED BY runs_by_time" if few else ""
    conditions = f" WHERE {' AND '.join(terms)}" if terms else ""
    return Query(
        f"SELECT {SUMMARY_COLUMNS} FROM runs{index}{conditions} ORDER BY id DESC LIMIT ?",  # noqa: S608  constants
        summary_of,
    )
