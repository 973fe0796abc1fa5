"""Definitions of pipelines, remembered in this process: `PipelinesInMemory`."""

from __future__ import annotations

from collections.abc import Sequence

from synapse_core.errors import NotFoundError, StoreError, unknown
from synapse_core.models import RunStatus
from synapse_core.protocols import PipelineRecord, RunSummary, Store

_PAGE = 500


class PipelinesInMemory:
    """A `PipelineStore` beside a store that keeps the runs.

    Args:
        runs: where the runs are.
    """

    def __init__(self, runs: Store) -> None:
        self._runs = runs
        self._pipelines: dict[str, PipelineRecord] = {}

    async def create_pipeline(self, pipeline: PipelineRecord) -> None:
        """See `PipelineStore.create_pipeline`."""
        if pipeline.id in self._pipelines:
            raise StoreError(f"there is a pipeline {pipeline.id!r} already")
        self._pipelines[pipeline.id] = pipeline

    async def pipeline(self, pipeline_id: str) -> PipelineRecord:
        """See `PipelineStore.pipeline`."""
        found = self._pipelines.get(pipeline_id)
        if found is None:
            raise NotFoundError(unknown("pipeline", pipeline_id, list(self._pipelines)[-5:]))
        return found

    async def list_pipelines(self, *, limit: int = 100, before: str | None = None) -> Sequence[PipelineRecord]:
        """See `PipelineStore.list_pipelines`."""
        ids = sorted((key for key in list(self._pipelines) if before is None or key < before), reverse=True)
        return [self._pipelines[key] for key in ids[:limit]]

    async def delete_pipeline(self, pipeline_id: str) -> None:
        """See `PipelineStore.delete_pipeline`."""
        await self.pipeline(pipeline_id)
        self._pipelines.pop(pipeline_id, None)

    async def pipeline_runs(
        self, pipeline_id: str, *, status: RunStatus | None = None, limit: int = 100, before: str | None = None
    ) -> Sequence[RunSummary]:
        """See `PipelineStore.pipeline_runs`."""
        found: list[RunSummary] = []
        while len(found) < limit:
            page = await self._runs.list_runs(status=status, limit=_PAGE, before=before)
            found += [run for run in page if run.pipeline_id == pipeline_id]
            if len(page) < _PAGE:
                break
            before = page[-1].id
        return found[:limit]
