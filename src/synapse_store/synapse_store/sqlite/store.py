"""`SQLiteStore`: runs in a file, which survive whatever happens to the processes that use it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TextIO

from synapse_core.errors import StoreError
from synapse_core.events import Draft, Event
from synapse_core.models import Checkpoint, PipelineProgress, RunStatus
from synapse_core.protocols import Lease, RunRecord, RunSummary
from synapse_store.sqlite import upkeep
from synapse_store.sqlite.checking import CheckReport, check, check_file, check_there
from synapse_store.sqlite.group import Request
from synapse_store.sqlite.ledger import Entry
from synapse_store.sqlite.listing import page
from synapse_store.sqlite.location import Durability, Location, default_path, parse_url
from synapse_store.sqlite.reading import Reading
from synapse_store.sqlite.served import Served
from synapse_store.sqlite.shared import Attachment, SharedFile
from synapse_store.sqlite.upkeep import ExportReport, VacuumReport


class SQLiteStore(Served):
    """Remembers runs in an SQLite file, which many processes may use at once; safe on several threads and loops.

    The file is opened, and made if there is none, when it is first needed. What a method has returned for is on
    disk: concurrent writers share transactions, and readers never wait for them.

    Args:
        where: a path, or a URL: ``sqlite:///relative.db``, ``sqlite:////absolute.db?durability=normal``; the file in
            the user's data folder, if None.
        durability: ``full`` survives a power cut; ``normal`` is faster and survives the death of any process, but a
            power cut may take the last moments. Over the URL's.
        timeout: seconds to wait while other processes write. Over the URL's.

    Raises:
        StoreError: the URL names no file.
    """

    waits = True

    def __init__(
        self,
        where: str | os.PathLike[str] | None = None,
        *,
        durability: Durability | None = None,
        timeout: float | None = None,
    ) -> None:
        is_url = isinstance(where, str) and where[:7].lower() == "sqlite:"
        location = parse_url(str(where)) if is_url else Location(where or default_path())
        self.location = Location(
            location.path, durability or location.durability, location.timeout if timeout is None else timeout
        )
        self._share = Attachment(self.location)

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self.location)!r}, durability={self.location.durability!r})"

    @property
    def _file(self) -> SharedFile:
        """This process's share of the file; a process that was forked gets its own."""
        return self._share.file()

    # -- writing ----------------------------------------------------------------------------------------------

    async def create(self, run: RunRecord, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint] = ()) -> int:
        """See `Store.create`."""
        file = self._file
        prepare = partial(Entry.make, file.database.blobs, run.id, drafts, checkpoints, run)
        return await file.writer.acall(
            Request(lambda ledger, entry: ledger.create(run, entry), prepare, len(drafts) + 1)
        )

    async def append(
        self,
        run_id: str,
        drafts: Sequence[Draft],
        *,
        checkpoints: Sequence[Checkpoint] = (),
        lease: Lease | None = None,
    ) -> int:
        """See `Store.append`."""
        file = self._file
        return await file.writer.acall(_appending(file, run_id, drafts, checkpoints, lease))

    def append_now(
        self,
        run_id: str,
        drafts: Sequence[Draft],
        checkpoints: Sequence[Checkpoint] = (),
        lease: Lease | None = None,
    ) -> int:
        """As `append`, on any thread, which waits; if nobody else writes, it commits itself and at once."""
        file = self._file
        return file.writer.call(_appending(file, run_id, drafts, checkpoints, lease))

    async def acquire(self, run_id: str, owner: str, ttl: float, *, over: Lease | None = None) -> Lease:
        """See `Store.acquire`."""
        return await self._file.writer.acall(Request(lambda ledger, _: ledger.acquire(run_id, owner, ttl, over)))

    async def renew(self, lease: Lease, ttl: float) -> Lease:
        """See `Store.renew`."""
        return await self._file.writer.acall(Request(lambda ledger, _: ledger.renew(lease, ttl)))

    async def release(self, lease: Lease) -> None:
        """See `Store.release`."""
        await self._file.writer.acall(Request(lambda ledger, _: ledger.release(lease)))

    async def delete(self, run_id: str) -> None:
        """See `Store.delete`; a long run's events go by and by, so that other writers need not wait for it."""
        file = self._file
        await file.writer.acall(Request(lambda ledger, _: ledger.delete(run_id)))
        await upkeep.clear(file.writer)

    # -- reading ----------------------------------------------------------------------------------------------

    async def record(self, run_id: str) -> RunRecord:
        """See `Store.record`."""
        return await (await self._reading()).record(run_id)

    async def read(
        self,
        run_id: str,
        *,
        after: int = 0,
        limit: int = 1000,
        kinds: Collection[str] | None = None,
        action: str | None = None,
    ) -> list[Event]:
        """See `Store.read`."""
        reading = await self._reading()
        return await reading.events(run_id, after=after, limit=limit, kinds=kinds, action=action)

    async def progress(self, run_id: str) -> PipelineProgress:
        """See `Store.progress`."""
        return await (await self._reading()).progress(run_id)

    async def list_runs(
        self,
        *,
        status: RunStatus | None = None,
        name: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
        before: str | None = None,
        pipeline: str | None = None,
    ) -> Sequence[RunSummary]:
        """See `Store.list_runs`; ``pipeline`` is a pipeline's id."""
        await self._reading()
        return await page(
            self._file.readers,
            status=status,
            name=name,
            pipeline=pipeline,
            since=since,
            limit=limit,
            before=before,
        )

    async def checkpoints(self, run_id: str) -> Sequence[Checkpoint]:
        """See `Store.checkpoints`."""
        return await (await self._reading()).checkpoints(run_id)

    async def lease(self, run_id: str) -> Lease | None:
        """See `Store.lease`."""
        return await (await self._reading()).lease(run_id)

    async def watch(
        self, run_id: str, *, after: int = 0, kinds: Collection[str] | None = None
    ) -> AsyncIterator[list[Event]]:
        """See `Store.watch`; what other processes write is seen within a tenth of a second."""
        async for events in (await self._reading()).watch(run_id, after, kinds):
            yield events

    async def _reading(self) -> Reading:
        """What reads; the file is made first, if there is none."""
        file = self._file
        await file.open()
        return file.reading

    # -- upkeep -----------------------------------------------------------------------------------------------

    async def check(self) -> CheckReport:
        """Read everything, and say what is not as it should be.

        Raises:
            StoreError: there is no store.
        """
        await self._look_only()
        return await asyncio.to_thread(check, self.location)

    async def vacuum(self) -> VacuumReport:
        """Give the room that deleted runs took back to the disk; who writes meanwhile waits.

        Raises:
            StoreUnavailableError: another process keeps writing.
            StoreError: there is no store, or no room for the copy that it takes.
        """
        await asyncio.to_thread(check_there, self.location.path)
        return await asyncio.to_thread(upkeep.vacuum, self._file.writer)

    async def export(
        self, target: str | os.PathLike[str] | TextIO, run_ids: Collection[str] | None = None
    ) -> ExportReport:
        """Write runs to a file as JSON Lines: each run's record, then its events, then its checkpoints.

        Args:
            target: a path, where a file is replaced when all is written; or an open file.
            run_ids: which runs; all, if None. What cannot be read is left out, and told.

        Raises:
            RunNotFoundError: there is no run of one of the ids.
            StoreError: there is no store, or ``target`` cannot be written.
        """
        await self._look_only()
        where = Path(target) if isinstance(target, str | os.PathLike) else target
        return await asyncio.to_thread(upkeep.export, self.location, where, run_ids)

    async def prune(
        self, older_than: timedelta, *, keep_failed: bool = False, dry_run: bool = False
    ) -> list[RunSummary]:
        """Forget the runs that ended longer ago than that; those that were forgotten, or with ``dry_run`` would be.

        Runs that have not ended are kept, as they can be recovered; with ``keep_failed`` so are failed ones.

        Raises:
            StoreError: there is no store.
        """
        await asyncio.to_thread(check_there, self.location.path)
        file = self._file
        await file.open()
        return await upkeep.prune(file.writer, file.readers, older_than, keep_failed=keep_failed, dry_run=dry_run)

    async def _look_only(self) -> None:
        """See that there is a store, without making one or changing its schema; a damaged one will do.

        Raises:
            StoreError: there is none.
        """
        await asyncio.to_thread(check_file, self.location)
        with suppress(StoreError):  # with a writer there is somebody to tidy the log away
            await self._file.open()

    # -- closing ----------------------------------------------------------------------------------------------

    async def aclose(self) -> None:
        """Finish writing and close; whoever is last in this process to use the file closes that."""
        await self._share.aclose()


def _appending(
    file: SharedFile, run_id: str, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint], lease: Lease | None
) -> Request[int]:
    prepare = partial(Entry.make, file.database.blobs, run_id, drafts, checkpoints)
    return Request(lambda ledger, entry: ledger.append(entry, lease), prepare, len(drafts) + 1)
