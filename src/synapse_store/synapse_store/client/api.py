"""The service's API as coroutines with typed results: what `PipelineServiceClient` is made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote

import attrs

from synapse_core.models import ActionStatus, LogLevel, RunStatus
from synapse_store.client.errors import ServiceError, ServiceNotFoundError, ServiceUnavailable
from synapse_store.client.wire import Wire
from synapse_store.wire.codec import action_from_data, made, progress_from_data
from synapse_store.wire.results import ActionProgress, Checkpoint, LogEntry, Pipeline, PipelineProgress, Run, Series
from synapse_store.wire.text import iso, loads, maybe_moment, moment

_P = "/api/v1/pipelines/"
_R = "/api/v1/runs/"
_OUTAGE = 300.0
_RETRIES = 3.0

Data = Mapping[str, Any]


def run_path(run_id: str, rest: str = "") -> str:
    """The path of a run, or of something in it."""
    return _R + quote(run_id, safe="") + rest


class Api:
    """Each method is one request; for what it does see `PipelineServiceClient`."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def _get(self, path: str, **query: Any) -> Any:
        pairs = [(name, str(value)) for name, value in query.items() if value is not None]
        return await self.wire.request("GET", path, query=pairs, patience=_RETRIES)

    async def _send(self, method: str, path: str, body: Data | None = None, *, again: bool = False) -> Any:
        data = None if body is None else {key: value for key, value in body.items() if value is not None}
        return await self.wire.request(method, path, body=data, again=again, patience=_RETRIES)

    # -- pipelines --------------------------------------------------------------------------------------------

    async def create_pipeline(self, name: str, actions: Iterable[Data], description: str | None) -> Pipeline:
        body = {"name": name, "actions": [dict(each) for each in actions], "description": description}
        return pipeline_of(await self._send("POST", _P, body))

    async def get_pipeline(self, pipeline_id: str) -> Pipeline:
        return pipeline_of(await self._get(_P + quote(pipeline_id, safe="")))

    async def list_pipelines(self, skip: int, limit: int) -> list[Pipeline]:
        return [pipeline_of(each) for each in await self._get(_P, skip=skip, limit=limit)]

    async def delete_pipeline(self, pipeline_id: str) -> None:
        await self._send("DELETE", _P + quote(pipeline_id, safe=""))

    # -- runs -------------------------------------------------------------------------------------------------

    async def create_run(self, pipeline_id: str, params: Data | None, work_dir: str | None) -> Run:
        path = _P + quote(pipeline_id, safe="") + "/runs/"
        return run_of(await self._send("POST", path, {"params": params, "work_dir": work_dir}))

    async def get_run(self, run_id: str) -> Run:
        return run_of(await self._get(run_path(run_id)))

    async def list_runs(
        self, status: str | None, pipeline_id: str | None, skip: int, limit: int, cursor: str | None
    ) -> list[Run]:
        found = await self._get(
            _R, status_filter=status, pipeline_id=pipeline_id, skip=skip, limit=limit, cursor=cursor
        )
        return [run_of(each) for each in found]

    async def update_run(self, run_id: str, status: str | None, result: Any, error: str | None) -> Run:
        body = {"status": status, "result": result, "error": error}
        return run_of(await self._send("PATCH", run_path(run_id), body, again=True))

    async def cancel_run(self, run_id: str, reason: str, force: bool) -> Run:
        return run_of(await self._send("POST", run_path(run_id, "/cancel"), {"reason": reason, "force": force}))

    async def delete_run(self, run_id: str) -> None:
        await self._send("DELETE", run_path(run_id))

    # -- progress ---------------------------------------------------------------------------------------------

    async def report_progress(self, run_id: str, body: Data) -> Run:
        return run_of(await self._send("POST", run_path(run_id, "/progress"), body, again=True))

    async def get_progress(self, run_id: str) -> PipelineProgress:
        return progress_of(await self._get(run_path(run_id, "/progress")))

    async def stream_progress(self, run_id: str, seconds: float | None) -> AsyncGenerator[PipelineProgress, None]:
        seen = -1
        stream = self.wire.stream(run_path(run_id, "/progress/stream"), patience=_OUTAGE, first=0.0)
        try:
            async with asyncio.timeout(seconds):
                async for messages in stream:
                    # Those that came together are a history already: the newest is the state.
                    message = messages[-1]
                    if message.event == "error":
                        _raise_if_gone(message.data, run_id)
                        continue
                    state = progress_of(loads(message.data))
                    if state.seq != seen:
                        seen = state.seq
                        yield state
                    if message.event != "progress":
                        return
        except TimeoutError:
            raise ServiceUnavailable(f"run {run_id} has not ended after {seconds:g} s of watching it") from None
        finally:
            await stream.aclose()

    # -- checkpoints ------------------------------------------------------------------------------------------

    async def create_checkpoint(self, run_id: str, body: Data) -> Checkpoint:
        return checkpoint_of(await self._send("POST", run_path(run_id, "/checkpoints/"), body))

    async def get_checkpoints(self, run_id: str) -> list[Checkpoint]:
        return [checkpoint_of(each) for each in await self._get(run_path(run_id, "/checkpoints/"))]

    async def get_checkpoint(self, run_id: str, which: str) -> Checkpoint | None:
        try:
            return checkpoint_of(await self._get(run_path(run_id, "/checkpoints/" + quote(which, safe=""))))
        except ServiceNotFoundError:
            await self._get(run_path(run_id, "/record"))  # no checkpoint is no error; no run is
            return None

    # -- logs and metrics -------------------------------------------------------------------------------------

    async def append_logs(self, run_id: str, entries: Iterable[Any]) -> list[LogEntry]:
        body = {"entries": [log_to_data(each) for each in entries]}
        return [log_of(each) for each in await self._send("POST", run_path(run_id, "/logs/"), body)]

    async def get_logs(
        self, run_id: str, action_name: str | None, level: str | None, since: datetime | None, limit: int
    ) -> list[LogEntry]:
        when = None if since is None else iso(since.astimezone())
        path = run_path(run_id, "/logs/")
        found = await self._get(path, action_name=action_name, level=level, since=when, limit=limit)
        return [log_of(each) for each in found]

    async def get_metrics(self, run_id: str, action: str | None, name: str | None, points: int) -> list[Series]:
        found = await self._get(run_path(run_id, "/metrics"), action=action, name=name, points=points)
        return [made(Series, each) for each in found]

    async def health_check(self) -> bool:
        try:
            answer = await self.wire.request("GET", "/health")
        except (ServiceUnavailable, ServiceError):
            return False
        return isinstance(answer, dict) and answer.get("status") == "ok"


def _raise_if_gone(data: str, run_id: str) -> None:
    said = loads(data)
    if said.get("status") == 404:
        raise ServiceNotFoundError(404, said, f"run {run_id}")


# -- results --------------------------------------------------------------------------------------------------


def pipeline_of(data: Data) -> Pipeline:
    """A pipeline."""
    return made(Pipeline, {**data, "created_at": moment(data["created_at"])})


def run_of(data: Data) -> Run:
    """A run."""
    times = {name: maybe_moment(data.get(name)) for name in ("created_at", "started_at", "completed_at")}
    actions = tuple(action_from_data(each, ActionProgress) for each in data.get("progress") or ())
    return made(Run, {**data, **times, "status": RunStatus(data["status"]), "progress": actions})


def progress_of(data: Data) -> PipelineProgress:
    """A state."""
    return cast(PipelineProgress, progress_from_data(data, PipelineProgress, ActionProgress))


def checkpoint_of(data: Data) -> Checkpoint:
    """A checkpoint."""
    when = maybe_moment(data.get("created_at"))
    return made(Checkpoint, {**data, "created_at": when, "status": ActionStatus(data["status"])})


def log_of(data: Data) -> LogEntry:
    """A log entry."""
    when = maybe_moment(data.get("timestamp"))
    return made(LogEntry, {**data, "timestamp": when, "level": LogLevel(data["level"])})


# -- what is sent ---------------------------------------------------------------------------------------------


def log_to_data(entry: Any) -> dict[str, Any]:
    """A log entry, the core's or this package's, or a dict."""
    data = dict(entry) if isinstance(entry, Mapping) else attrs.asdict(entry, recurse=False)
    if isinstance(data.get("timestamp"), datetime):
        data["timestamp"] = iso(data["timestamp"].astimezone())
    sent = ("message", "level", "action_name", "timestamp", "data")
    return {name: data[name] for name in sent if data.get(name) is not None}


def action_to_report(action: Any) -> dict[str, Any]:
    """An action's progress as it is reported: an `ActionProgress`, the core's or this package's, or a dict."""
    if isinstance(action, Mapping):
        return dict(action)
    sent = ("name", "status", "progress", "progress_category", "message", "error", "attempt")
    found = {name: value for name in sent if (value := getattr(action, name)) is not None}
    if action.metrics:
        found["metrics"] = dict(action.metrics)
    if action.total != 1.0:
        found["total"] = action.total
    if not found.get("attempt"):
        found.pop("attempt", None)
    return found
