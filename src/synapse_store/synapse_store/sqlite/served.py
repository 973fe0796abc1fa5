"""What a service keeps in the file beside runs: definitions of pipelines, and the batches that producers have sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from synapse_core.errors import NotFoundError, StoreError
from synapse_core.events import Draft
from synapse_core.models import Checkpoint, RunStatus
from synapse_core.protocols import Lease, PipelineRecord, RunSummary
from synapse_store.once import Append, Batch
from synapse_store.sqlite.group import Request
from synapse_store.sqlite.ledger import Entry, Ledger
from synapse_store.sqlite.listing import page
from synapse_store.sqlite.readers import Query
from synapse_store.sqlite.rows import Load
from synapse_store.sqlite.values import dumps, loads

if TYPE_CHECKING:
    from synapse_store.sqlite.shared import SharedFile


def _definition_of(row: tuple[Any, ...], _load: Load) -> PipelineRecord:
    data = loads(row[0])
    return PipelineRecord(**{**data, "created_at": datetime.fromisoformat(data["created_at"])})


_ONE = Query("SELECT pipeline FROM definitions WHERE id = ?", _definition_of)
_FIRST = Query("SELECT pipeline FROM definitions ORDER BY id DESC LIMIT ?", _definition_of)
_NEXT = Query("SELECT pipeline FROM definitions WHERE id < ? ORDER BY id DESC LIMIT ?", _definition_of)


class Served(ABC):
    """The parts of `SQLiteStore` that make it a `PipelineStore`, an `OnceStore` and a `ManyStore`."""

    @property
    @abstractmethod
    def _file(self) -> SharedFile:
        """The file of this process."""

    # -- batches ----------------------------------------------------------------------------------------------

    async def append_once(
        self,
        run_id: str,
        batch: Batch,
        drafts: Sequence[Draft],
        *,
        checkpoints: Sequence[Checkpoint] = (),
        lease: Lease | None = None,
    ) -> int:
        """See `OnceStore.append_once`: that it was taken is noted in the same transaction."""
        file = self._file
        return await file.writer.acall(_adding(file, Append(run_id, drafts, checkpoints, lease, batch)))

    async def append_many(self, appends: Sequence[Append]) -> list[int | BaseException]:
        """See `ManyStore.append_many`: one hop to the writer, and mostly one transaction."""
        file = self._file
        requests = [_adding(file, append) for append in appends]
        if requests:
            await file.writer.acall_all(requests)
        return [request.outcome() if request.error is None else request.error for request in requests]

    # -- pipelines --------------------------------------------------------------------------------------------

    async def create_pipeline(self, pipeline: PipelineRecord) -> None:
        """See `PipelineStore.create_pipeline`."""
        text = _text(pipeline)
        await self._file.writer.acall(Request(lambda ledger, _: _create(ledger, pipeline.id, text)))

    async def pipeline(self, pipeline_id: str) -> PipelineRecord:
        """See `PipelineStore.pipeline`."""
        file = await self._opened()
        found = await file.readers.one(_ONE, pipeline_id)
        if found is None:
            raise NotFoundError(f"no pipeline {pipeline_id!r}")
        return found

    async def list_pipelines(self, *, limit: int = 100, before: str | None = None) -> Sequence[PipelineRecord]:
        """See `PipelineStore.list_pipelines`."""
        file = await self._opened()
        if before is None:
            return await file.readers.fetch(_FIRST, limit)
        return await file.readers.fetch(_NEXT, before, limit)

    async def delete_pipeline(self, pipeline_id: str) -> None:
        """See `PipelineStore.delete_pipeline`."""
        await self._file.writer.acall(Request(lambda ledger, _: _delete(ledger, pipeline_id)))

    async def pipeline_runs(
        self, pipeline_id: str, *, status: RunStatus | None = None, limit: int = 100, before: str | None = None
    ) -> Sequence[RunSummary]:
        """See `PipelineStore.pipeline_runs`."""
        file = await self._opened()
        return await page(
            file.readers, status=status, name=None, pipeline=pipeline_id, since=None, limit=limit, before=before
        )

    async def _opened(self) -> SharedFile:
        file = self._file
        await file.open()
        return file


def _adding(file: SharedFile, append: Append) -> Request[int]:
    run_id, drafts, checkpoints, lease, batch = append

    def work(ledger: Ledger, entry: Entry) -> int:
        return ledger.append(entry, lease) if batch is None else ledger.append_once(entry, batch, lease)

    prepare = partial(Entry.make, file.database.blobs, run_id, drafts, checkpoints)
    return Request(work, prepare, len(drafts) + 1)


def _text(pipeline: PipelineRecord) -> str:
    data = {
        "id": pipeline.id,
        "name": pipeline.name,
        "actions": [dict(action) for action in pipeline.actions],
        "created_at": pipeline.created_at.isoformat(),
        "description": pipeline.description,
    }
    return dumps(data, f"pipeline {pipeline.id!r}")


def _create(ledger: Ledger, pipeline_id: str, text: str) -> None:
    if ledger.connection.execute("SELECT 1 FROM definitions WHERE id = ?", (pipeline_id,)).fetchone() is not None:
        raise StoreError(f"there is a pipeline {pipeline_id!r} already")
    ledger.connection.execute("INSERT INTO definitions VALUES (?, ?)", (pipeline_id, text))


def _delete(ledger: Ledger, pipeline_id: str) -> None:
    if not ledger.connection.execute("DELETE FROM definitions WHERE id = ?", (pipeline_id,)).rowcount:
        raise NotFoundError(f"no pipeline {pipeline_id!r}")
