"""``synapse runs list``: runs as rows, and as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from synapse_core.builtin.console.text import visible
from synapse_core.cli.engines import Engine
from synapse_core.cli.naming import runs_command, short_ids
from synapse_core.cli.runs.tables import Cell, print_table, state_cell
from synapse_core.cli.runs.times import ago, took
from synapse_core.cli.tables import show_json
from synapse_core.cli.telling import say
from synapse_core.models import RunStatus
from synapse_core.protocols import RunSummary

if TYPE_CHECKING:
    from synapse_core.session import Session

_HEADS = ("RUN", "NAME", "STATUS", "DONE", "STARTED", "TIME", "ERROR")
_WIDEST_NAME = 32


def list_runs(
    session: Session,
    *,
    as_json: bool,
    status: str | None,
    pipeline: str | None,
    since: datetime | None,
    limit: int,
    before: str | None,
    store: str | None,
) -> None:
    """Print a page of the runs, and how to see the next one.

    Raises:
        StoreError: they cannot be read.
    """
    wanted = RunStatus(status) if status else None
    listed = session.store.list_runs(status=wanted, name=pipeline, since=since, limit=limit + 1, before=before)
    found = list(session.call(listed))
    page, following = found[:limit], len(found) > limit
    engines = {run.id: Engine.of(session, run) for run in page}
    if as_json:
        told = [summary_json(run, engines[run.id]) for run in page]
        show_json({"runs": told, "next": page[-1].id if following else None})
    elif page:
        _print(page, engines, store)
        if following:
            say(f"there are more: --before {page[-1].id}")
    else:
        say("no such runs" if status or pipeline or since or before else "no runs yet")


def summary_json(run: RunSummary, engine: Engine) -> dict[str, Any]:
    """A line of the list as JSON data, with the names of the service's API."""
    times = {name: getattr(run, name) for name in ("created_at", "started_at", "completed_at")}
    return {
        "id": run.id,
        "pipeline_id": run.pipeline_id,
        "name": run.name,
        "status": str(run.status),
        "overall_progress": run.overall_progress,
        **{name: time.isoformat() if time else None for name, time in times.items()},
        "error": run.error,
        "engine": engine.to_json(),
    }


def _print(page: list[RunSummary], engines: dict[str, Engine], store: str | None) -> None:
    shorts = short_ids(run.id for run in page)
    print_table(_HEADS, [_row(run, shorts[run.id], engines[run.id], store) for run in page])


def _row(run: RunSummary, short: str, engine: Engine, store: str | None) -> list[Cell]:
    name = visible(run.name)
    return [
        short,
        name if len(name) <= _WIDEST_NAME else f"{name[: _WIDEST_NAME - 1]}…",
        state_cell(run.status, gone=engine.gone),
        f"{int(run.overall_progress * 100 + 1e-9)}%",
        ago(run.started_at or run.created_at),
        "" if engine.gone else took(run.started_at, run.completed_at),
        f"its engine is gone: {runs_command('recover', run.id, store)}" if engine.gone else visible(run.error or ""),
    ]
