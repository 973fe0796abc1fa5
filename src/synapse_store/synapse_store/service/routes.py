"""Every path of the service: `ROUTES`."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from aiohttp import web

from synapse_core.models import RunStatus
from synapse_store.service import checkpoints, ledger, logs, monitor, pages, pipelines, runs, streams, taking
from synapse_store.service.answers import answer
from synapse_store.service.asking import Call, Param, Route
from synapse_store.service.openapi import describe
from synapse_store.wire import asked, results
from synapse_store.wire.text import dumps

_STATUSES = tuple(status.value for status in RunStatus)
_LEVELS = ("debug", "info", "warning", "error", "critical")

_SKIP = Param("skip", int, 0, "how many to leave out", most=1_000_000)
_LIMIT = Param("limit", int, 100, "how many at most", least=1, most=1_000)
_LAST = Param("last_event_id", help="as the header Last-Event-ID, where none can be sent")
_TICKET = Param("ticket", help="of /api/v1/tickets, where no header can be sent")
_AFTER = Param("after", int, 0, "only what comes after this seq")
_KIND = Param("kind", help="only these kinds", many=True)
_ACTION = Param("action", help="only of this action")

_P = "/api/v1/pipelines"
_R = "/api/v1/runs"
_RUN = "/api/v1/runs/{run_id}"


@cache
def _document() -> bytes:
    from synapse_store import __version__

    return dumps(describe(ROUTES, __version__))


async def openapi(_call: Call) -> web.Response:
    """This description."""
    return answer(_document())


_RUN_LIST = (
    Param("status_filter", choices=_STATUSES, help="only runs in this status"),
    Param("pipeline_id", help="only runs of this pipeline"),
    _SKIP,
    _LIMIT,
    Param("cursor", help="the id that the page before ended with"),
    Param("name", help="only runs of this name"),
    Param("search", help="only runs with this in their name or id, in any case; a page may be short of its limit"),
    Param("since", datetime, help="only runs created since"),
    Param("view", choices=("full", "summary"), default="full", help="summary: less of each run, and faster"),
)
_FOLLOWED = (_LAST, _TICKET)

ROUTES: tuple[Route, ...] = (
    Route("GET", "/health", monitor.health, "Whether the service and its store answer", gives=results.Health),
    Route("GET", "/metrics", monitor.metrics, "Metrics for Prometheus", kind="text"),
    Route("GET", "/", pages.front, "The dashboard", kind="html"),
    Route("GET", "/api/v1/openapi.json", openapi, "This description", gives={"type": "object"}),
    Route("POST", "/api/v1/tickets", pages.ticket, "A ticket for one stream", gives=results.Ticket, status=201),
    Route("POST", "/api/v1/session", pages.session, "A cookie for the dashboard", status=204),
    # pipelines
    Route("POST", _P, pipelines.create, "Define a pipeline", asked.NewPipeline, results.Pipeline, status=201),
    Route(
        "GET", _P, pipelines.listed, "Pipelines, newest first", gives=results.Pipeline, many=True, query=(_SKIP, _LIMIT)
    ),
    Route("GET", _P + "/{pipeline_id}", pipelines.show, "A pipeline", gives=results.Pipeline),
    Route("DELETE", _P + "/{pipeline_id}", pipelines.delete, "Delete it and its runs", status=204, refuses=(409,)),
    Route(
        "POST",
        _P + "/{pipeline_id}/runs",
        pipelines.start,
        "Create a run, pending",
        asked.NewRun,
        results.Run,
        optional=True,
        status=201,
    ),
    # runs
    Route("GET", _R, runs.listed, "Runs, newest first", gives=results.Run, many=True, query=_RUN_LIST),
    Route(
        "POST",
        _R,
        ledger.create,
        "Create a run as an engine does",
        asked.Creation,
        results.Taken,
        status=201,
        refuses=(409,),
    ),
    Route("GET", _RUN, runs.show, "A run", gives=results.Run),
    Route("PATCH", _RUN, runs.change, "Change a run's status", asked.RunChange, results.Run, refuses=(409,)),
    Route(
        "DELETE",
        _RUN,
        runs.delete,
        "Delete a run that does not run",
        status=204,
        refuses=(409,),
        query=(Param("orphaned", bool, False, "also one that says it runs, if no engine holds it"),),
    ),
    Route("GET", _RUN + "/record", ledger.record, "The run as it was asked for", gives=results.Record),
    Route(
        "POST",
        _RUN + "/cancel",
        runs.cancel,
        "Ask for a cancel",
        asked.Cancel,
        results.Run,
        optional=True,
        status=202,
        refuses=(409,),
    ),
    Route("GET", "/api/v1/runner", taking.runner, "Whether runs are taken up here", gives=results.Runner),
    Route("GET", _RUN + "/engine", taking.engine, "Whether anybody runs it", gives=results.Engine),
    Route(
        "POST",
        _RUN + "/resume",
        taking.resume,
        "A new run that reuses what was completed",
        asked.Resume,
        results.Run,
        optional=True,
        status=201,
        refuses=(409,),
    ),
    Route(
        "POST",
        _RUN + "/rerun",
        taking.rerun,
        "A new run that runs an action and what follows it anew",
        asked.Rerun,
        results.Run,
        status=201,
        refuses=(409,),
    ),
    Route("POST", _RUN + "/recover", taking.recover, "Go on with it", gives=results.Run, status=202, refuses=(409,)),
    Route("POST", _RUN + "/progress", runs.report, "Report progress", asked.Report, results.Run, refuses=(409,)),
    Route("GET", _RUN + "/progress", runs.progress, "The state", gives=results.PipelineProgress),
    Route("GET", _RUN + "/progress/stream", streams.progress, "The state at each change", kind="sse", query=_FOLLOWED),
    # events and leases
    Route(
        "GET",
        _RUN + "/events",
        ledger.read,
        "Events, oldest first",
        gives=results.Event,
        many=True,
        query=(_AFTER, Param("limit", int, 1000, "how many at most", least=1, most=10_000), _KIND, _ACTION),
    ),
    Route("POST", _RUN + "/events", ledger.append, "Add a batch, once", asked.Batch, results.Taken, refuses=(409,)),
    Route(
        "GET",
        _RUN + "/events/stream",
        streams.events,
        "Every event as it comes",
        kind="sse",
        query=(_AFTER, _KIND, _ACTION, *_FOLLOWED),
    ),
    Route("GET", _RUN + "/lease", ledger.lease, "The newest lease, or null", gives={"type": ["object", "null"]}),
    Route("POST", _RUN + "/lease", ledger.acquire, "Claim a run", asked.Claim, results.Lease, refuses=(409,)),
    Route("PATCH", _RUN + "/lease", ledger.renew, "Renew a lease", asked.Renewal, results.Lease, refuses=(409,)),
    Route(
        "DELETE",
        _RUN + "/lease",
        ledger.release,
        "Give a run back",
        status=204,
        query=(Param("owner", default="", help="of the lease"), Param("epoch", int, 0, "of the lease")),
    ),
    # checkpoints
    Route(
        "POST",
        _RUN + "/checkpoints",
        checkpoints.create,
        "Keep a checkpoint",
        asked.NewCheckpoint,
        results.Checkpoint,
        status=201,
        refuses=(409,),
    ),
    Route(
        "GET",
        _RUN + "/checkpoints",
        checkpoints.listed,
        "Checkpoints, oldest first",
        gives=results.Checkpoint,
        many=True,
        query=(Param("raw", bool, False, "without the params snapshots"),),
    ),
    Route("GET", _RUN + "/checkpoints/latest", checkpoints.latest, "The newest", gives=results.Checkpoint),
    Route(
        "GET",
        _RUN + "/checkpoints/{action_name}",
        checkpoints.of_action,
        "The newest of an action",
        gives=results.Checkpoint,
    ),
    # logs and metrics
    Route(
        "POST", _RUN + "/logs", logs.append, "Add log entries", asked.NewLogs, results.LogEntry, many=True, status=201
    ),
    Route(
        "GET",
        _RUN + "/logs",
        logs.listed,
        "Log entries, oldest first",
        gives=results.LogEntry,
        many=True,
        query=(
            Param("action_name", help="only of this action"),
            Param("level", choices=_LEVELS, help="only of this level"),
            Param("since", datetime, help="only since this time"),
            Param("limit", int, 1000, "how many at most", least=1, most=10_000),
            _AFTER,
        ),
    ),
    Route(
        "GET",
        _RUN + "/metrics",
        logs.series,
        "Metrics over time",
        gives=results.Series,
        many=True,
        query=(
            _ACTION,
            Param("name", help="only this metric"),
            Param("points", int, 500, "of a line at most", 2, 10_000),
        ),
    ),
    Route(
        "GET",
        "/api/v1/stream",
        streams.several,
        "The states of several runs at each change",
        kind="sse",
        query=(
            Param("run", help="these runs", many=True),
            Param("status", choices=_STATUSES, help="the runs in this status, as they come into it"),
            *_FOLLOWED,
        ),
    ),
)

STATIC = Route("GET", "/static/{file:.+}", pages.static, "A file of the dashboard")
