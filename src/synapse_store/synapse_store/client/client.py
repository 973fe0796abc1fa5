"""`PipelineServiceClient`: the API for code that waits and, by names with ``_async``, for code that awaits."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import aclosing
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from synapse_core.session.loop import LoopThread
from synapse_store.client.api import Api, action_to_report
from synapse_store.client.wire import Wire
from synapse_store.wire.results import Checkpoint, LogEntry, Pipeline, PipelineProgress, Run, Series

Data = Mapping[str, Any]


class PipelineServiceClient:
    """Speaks to a pipeline service. Results are typed values that can be indexed like dicts, too.

    Safe to use from several threads and event loops. Requests that do no harm when sent twice are tried again for a
    few seconds; streams connect again by themselves, and miss nothing.

    Args:
        base_url: of the service.
        timeout: seconds for a request.
        token: what the service asks for; ``SYNAPSE_TOKEN`` if None.

    Raises:
        ServiceUnavailable: (any method) no service answers.
        ServiceError: (any method) the service refuses; a `ServiceNotFoundError` where there is no such thing.
    """

    def __init__(
        self, base_url: str = "http://localhost:8100", timeout: float = 30.0, *, token: str | None = None
    ) -> None:
        self._api = Api(Wire(base_url, timeout, token))
        self._loop = LoopThread("synapse-client", "client")
        self._end = weakref.finalize(self, _let_go, self._api.wire, self._loop)

    @property
    def base_url(self) -> str:
        """Where the service is."""
        return self._api.wire.base

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def close(self) -> None:
        """Let go of the connections."""
        if self._end.detach():
            self._loop.call(self._api.wire.close())
            self._loop.close()

    async def aclose(self) -> None:
        """As `close`."""
        if self._end.detach():
            await self._loop.run(self._api.wire.close())
            self._loop.close()

    # -- pipelines --------------------------------------------------------------------------------------------

    def create_pipeline(self, name: str, actions: Iterable[Data], description: str | None = None) -> Pipeline:
        """Define a pipeline; an action has a ``name``, an ``entrypoint`` and whatever else you want kept."""
        return self._loop.call(self._api.create_pipeline(name, actions, description))

    async def create_pipeline_async(
        self, name: str, actions: Iterable[Data], description: str | None = None
    ) -> Pipeline:
        """As `create_pipeline`."""
        return await self._loop.run(self._api.create_pipeline(name, actions, description))

    def get_pipeline(self, pipeline_id: str) -> Pipeline:
        """A pipeline."""
        return self._loop.call(self._api.get_pipeline(pipeline_id))

    async def get_pipeline_async(self, pipeline_id: str) -> Pipeline:
        """As `get_pipeline`."""
        return await self._loop.run(self._api.get_pipeline(pipeline_id))

    def list_pipelines(self, skip: int = 0, limit: int = 100) -> list[Pipeline]:
        """Pipelines, newest first."""
        return self._loop.call(self._api.list_pipelines(skip, limit))

    async def list_pipelines_async(self, skip: int = 0, limit: int = 100) -> list[Pipeline]:
        """As `list_pipelines`."""
        return await self._loop.run(self._api.list_pipelines(skip, limit))

    def delete_pipeline(self, pipeline_id: str) -> None:
        """Delete a pipeline and its runs, none of which may be running."""
        self._loop.call(self._api.delete_pipeline(pipeline_id))

    async def delete_pipeline_async(self, pipeline_id: str) -> None:
        """As `delete_pipeline`."""
        await self._loop.run(self._api.delete_pipeline(pipeline_id))

    # -- runs -------------------------------------------------------------------------------------------------

    def create_run(self, pipeline_id: str, params: Data | None = None, work_dir: str | None = None) -> Run:
        """A new run of a pipeline, pending."""
        return self._loop.call(self._api.create_run(pipeline_id, params, work_dir))

    async def create_run_async(self, pipeline_id: str, params: Data | None = None, work_dir: str | None = None) -> Run:
        """As `create_run`."""
        return await self._loop.run(self._api.create_run(pipeline_id, params, work_dir))

    def get_run(self, run_id: str) -> Run:
        """A run."""
        return self._loop.call(self._api.get_run(run_id))

    async def get_run_async(self, run_id: str) -> Run:
        """As `get_run`."""
        return await self._loop.run(self._api.get_run(run_id))

    def list_runs(
        self,
        status: str | None = None,
        pipeline_id: str | None = None,
        skip: int = 0,
        limit: int = 100,
        cursor: str | None = None,
    ) -> list[Run]:
        """Runs, newest first; ``cursor`` is the id of the last run of the page before."""
        return self._loop.call(self._api.list_runs(status, pipeline_id, skip, limit, cursor))

    async def list_runs_async(
        self,
        status: str | None = None,
        pipeline_id: str | None = None,
        skip: int = 0,
        limit: int = 100,
        cursor: str | None = None,
    ) -> list[Run]:
        """As `list_runs`."""
        return await self._loop.run(self._api.list_runs(status, pipeline_id, skip, limit, cursor))

    def update_run(self, run_id: str, status: str | None = None, result: Any = None, error: str | None = None) -> Run:
        """Say what has become of a run; ``result`` and ``error`` go with its end."""
        return self._loop.call(self._api.update_run(run_id, status, result, error))

    async def update_run_async(
        self, run_id: str, status: str | None = None, result: Any = None, error: str | None = None
    ) -> Run:
        """As `update_run`."""
        return await self._loop.run(self._api.update_run(run_id, status, result, error))

    def cancel_run(self, run_id: str, reason: str = "cancelled", *, force: bool = False) -> Run:
        """Ask for a run to be cancelled; ``force``: without a grace period."""
        return self._loop.call(self._api.cancel_run(run_id, reason, force))

    async def cancel_run_async(self, run_id: str, reason: str = "cancelled", *, force: bool = False) -> Run:
        """As `cancel_run`."""
        return await self._loop.run(self._api.cancel_run(run_id, reason, force))

    def delete_run(self, run_id: str) -> None:
        """Delete a run that is not running."""
        self._loop.call(self._api.delete_run(run_id))

    async def delete_run_async(self, run_id: str) -> None:
        """As `delete_run`."""
        await self._loop.run(self._api.delete_run(run_id))

    # -- progress ---------------------------------------------------------------------------------------------

    def report_progress(  # noqa: PLR0917  the order that its users know
        self,
        run_id: str,
        current_action: str | None = None,
        current_action_index: int | None = None,
        status: str | None = None,
        action_progress: Any = None,
        error: str | None = None,
    ) -> Run:
        """Say where a run stands; ``action_progress`` is an `ActionProgress` or a dict."""
        body = _report(current_action, current_action_index, status, action_progress, error)
        return self._loop.call(self._api.report_progress(run_id, body))

    async def report_progress_async(  # noqa: PLR0917  as `report_progress`
        self,
        run_id: str,
        current_action: str | None = None,
        current_action_index: int | None = None,
        status: str | None = None,
        action_progress: Any = None,
        error: str | None = None,
    ) -> Run:
        """As `report_progress`."""
        body = _report(current_action, current_action_index, status, action_progress, error)
        return await self._loop.run(self._api.report_progress(run_id, body))

    def get_progress(self, run_id: str) -> PipelineProgress:
        """The state of a run."""
        return self._loop.call(self._api.get_progress(run_id))

    async def get_progress_async(self, run_id: str) -> PipelineProgress:
        """As `get_progress`."""
        return await self._loop.run(self._api.get_progress(run_id))

    def stream_progress(self, run_id: str, timeout: float | None = None) -> Iterator[PipelineProgress]:
        """The state now, then at each change, to the run's end; who reads slowly skips some, never the last.

        Args:
            run_id: the run.
            timeout: seconds to watch for.

        Raises:
            ServiceUnavailable: no service, or the time is over.
        """
        yield from self._loop.iterate(self._api.stream_progress(run_id, timeout))  # its frame keeps the client

    async def stream_progress_async(
        self,
        run_id: str,
        timeout: float | None = None,  # noqa: ASYNC109  as `stream_progress`
    ) -> AsyncIterator[PipelineProgress]:
        """As `stream_progress`."""
        states: Any = self._loop.iterate_async(self._api.stream_progress(run_id, timeout))
        async with aclosing(states):
            async for state in states:
                yield state

    # -- checkpoints ------------------------------------------------------------------------------------------

    def create_checkpoint(  # noqa: PLR0917  the order that its users know
        self,
        run_id: str,
        action_name: str,
        action_index: int,
        status: str = "completed",
        params_snapshot: Data | None = None,
        result: Any = None,
        artifacts_path: str | None = None,
    ) -> Checkpoint:
        """Keep what an action has left; where it completed, that is said with it."""
        body = _checkpoint(action_name, action_index, status, params_snapshot, result, artifacts_path)
        return self._loop.call(self._api.create_checkpoint(run_id, body))

    async def create_checkpoint_async(  # noqa: PLR0917  as `create_checkpoint`
        self,
        run_id: str,
        action_name: str,
        action_index: int,
        status: str = "completed",
        params_snapshot: Data | None = None,
        result: Any = None,
        artifacts_path: str | None = None,
    ) -> Checkpoint:
        """As `create_checkpoint`."""
        body = _checkpoint(action_name, action_index, status, params_snapshot, result, artifacts_path)
        return await self._loop.run(self._api.create_checkpoint(run_id, body))

    def get_checkpoints(self, run_id: str) -> list[Checkpoint]:
        """A run's checkpoints, oldest first."""
        return self._loop.call(self._api.get_checkpoints(run_id))

    async def get_checkpoints_async(self, run_id: str) -> list[Checkpoint]:
        """As `get_checkpoints`."""
        return await self._loop.run(self._api.get_checkpoints(run_id))

    def get_latest_checkpoint(self, run_id: str) -> Checkpoint | None:
        """The newest checkpoint; None where there is none."""
        return self._loop.call(self._api.get_checkpoint(run_id, "latest"))

    async def get_latest_checkpoint_async(self, run_id: str) -> Checkpoint | None:
        """As `get_latest_checkpoint`."""
        return await self._loop.run(self._api.get_checkpoint(run_id, "latest"))

    def get_checkpoint_by_action(self, run_id: str, action_name: str) -> Checkpoint | None:
        """The newest checkpoint of an action; None where there is none."""
        return self._loop.call(self._api.get_checkpoint(run_id, action_name))

    async def get_checkpoint_by_action_async(self, run_id: str, action_name: str) -> Checkpoint | None:
        """As `get_checkpoint_by_action`."""
        return await self._loop.run(self._api.get_checkpoint(run_id, action_name))

    # -- logs and metrics -------------------------------------------------------------------------------------

    def append_logs(self, run_id: str, entries: Iterable[Any]) -> list[LogEntry]:
        """Add entries to a run's log: `LogEntry`s, or dicts."""
        return self._loop.call(self._api.append_logs(run_id, entries))

    async def append_logs_async(self, run_id: str, entries: Iterable[Any]) -> list[LogEntry]:
        """As `append_logs`."""
        return await self._loop.run(self._api.append_logs(run_id, entries))

    def get_logs(
        self,
        run_id: str,
        action_name: str | None = None,
        level: str | None = None,
        since: datetime | None = None,
        limit: int = 1000,
    ) -> list[LogEntry]:
        """Entries of a run's log, oldest first; ``since`` is local time where it names no zone."""
        return self._loop.call(self._api.get_logs(run_id, action_name, level, since, limit))

    async def get_logs_async(
        self,
        run_id: str,
        action_name: str | None = None,
        level: str | None = None,
        since: datetime | None = None,
        limit: int = 1000,
    ) -> list[LogEntry]:
        """As `get_logs`."""
        return await self._loop.run(self._api.get_logs(run_id, action_name, level, since, limit))

    def get_metrics(
        self, run_id: str, action: str | None = None, name: str | None = None, points: int = 500
    ) -> list[Series]:
        """What was measured, over time; each series thinned to so many points."""
        return self._loop.call(self._api.get_metrics(run_id, action, name, points))

    async def get_metrics_async(
        self, run_id: str, action: str | None = None, name: str | None = None, points: int = 500
    ) -> list[Series]:
        """As `get_metrics`."""
        return await self._loop.run(self._api.get_metrics(run_id, action, name, points))

    def health_check(self) -> bool:
        """Whether the service and its store answer."""
        return self._loop.call(self._api.health_check())

    async def health_check_async(self) -> bool:
        """As `health_check`."""
        return await self._loop.run(self._api.health_check())


def _let_go(wire: Wire, loop: LoopThread) -> None:
    """Close what nobody has closed: waits for no answer, as it may be the loop's own thread that collects garbage."""
    if wire.is_open and not loop.is_foreign:
        loop.begin(wire.close())
    loop.close()


def _report(action: str | None, index: int | None, status: str | None, progress: Any, error: str | None) -> Data:
    return {
        "current_action": action,
        "current_action_index": index,
        "status": status,
        "action_progress": None if progress is None else action_to_report(progress),
        "error": error,
    }


def _checkpoint(  # noqa: PLR0917  as `PipelineServiceClient.create_checkpoint`
    name: str, index: int, status: str, params: Data | None, result: Any, artifacts_path: str | None
) -> Data:
    return {
        "action_name": name,
        "action_index": index,
        "status": status,
        "params_snapshot": params,
        "result": result,
        "artifacts_path": artifacts_path,
    }
