"""Reports that come at once are written at once: `Gathering` takes one hop to the store's writer for all of them.

Each is answered when it is on disk, and what is wrong with one is no matter to the others.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from synapse_core.errors import ValidationError
from synapse_store.once import Append, ManyStore
from synapse_store.service.answers import whole
from synapse_store.service.asking import reader
from synapse_store.service.core import Service
from synapse_store.service.groups import Coming, Group
from synapse_store.service.guard import is_logged, log, refusal_of
from synapse_store.service.heads import Head
from synapse_store.service.joints import Joint
from synapse_store.service.ledger import append_of
from synapse_store.wire import asked
from synapse_store.wire.quick import quick_append, quick_report
from synapse_store.wire.text import loads

_MOST = 128
"""Reports that are gathered before they are written, at most."""

_LAST = 1.0
"""Seconds that the last ones are waited for."""


class Gathering:
    """Takes reports whose heads are known, and writes together those that come while others are written.

    Args:
        service: that they are for.
        store: its store.

    Attributes:
        reports, groups: how many reports were written, and in how many groups.
        closing: no more are to be brought.
    """

    def __init__(self, service: Service, store: ManyStore) -> None:
        self._service = service
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._coming: list[Coming] = []
        self._writing: asyncio.Task[None] | None = None
        self.reports = 0
        self.groups = 0
        self.closing = False

    @staticmethod
    def read(head: Head, body: bytes) -> Append | asked.Report | None:
        """What a report says; None where the ordinary way has to look, be it to say what is wrong."""
        try:
            data = loads(body)
            if head.end == "/events":
                return quick_append(head.run_id, data) or append_of(head.run_id, reader(asked.Batch)(data))
            report: asked.Report = quick_report(data) or reader(asked.Report)(data)
        except (ValueError, ValidationError):
            return None
        return report if report.status is None else None  # the run's own status is compared with the store's

    def add(self, report: Coming) -> None:
        """Have a report written."""
        self._coming.append(report)
        if len(self._coming) == 1 and self._writing is None:
            self._loop.call_soon(self._gather, 0)

    def _gather(self, seen: int) -> None:
        """Write what has come, once no more comes with it."""
        if seen < len(self._coming) < _MOST:
            self._loop.call_soon(self._gather, len(self._coming))
        else:
            self._writing = self._loop.create_task(self._write())

    async def _write(self) -> None:
        # Answered first, then the next: the writer's thread and the loop in turns cost less than both at a time.
        coming, self._coming = self._coming, []
        self.reports += len(coming)
        self.groups += 1
        group = Group(coming, self._service.states)
        try:
            await group.write(self._store)
            self._tell(group)
        finally:
            self._writing = None
            if self._coming:
                self._loop.call_soon(self._gather, 0)

    async def close(self) -> None:
        """Take no more, and answer what was taken; whatever the store has not written soon is written, but not told."""
        self.closing = True
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST):
                while self._coming or self._writing is not None:
                    await (asyncio.sleep(0) if self._writing is None else asyncio.wait([self._writing]))

    # -- answering --------------------------------------------------------------------------------------------

    def _tell(self, group: Group) -> None:
        try:
            for (each, append), result in zip(group.batches, group.results, strict=False):
                self._settle(each, append, result)
            for joint in group.joints:
                self._tell_joint(joint)
        except Exception as error:  # noqa: BLE001  whatever it is, nobody is left waiting
            group.error = error
        for each in group.coming:
            if each.open:
                self._refuse(each, group.error or RuntimeError("it was not answered"))

    def _settle(self, report: Coming, append: Append, result: int | BaseException) -> None:
        if isinstance(result, int):
            self._service.taken += len(append.drafts)
            self._answer(report, 200, whole(b'{"seq":%d}' % result))
        else:
            self._refuse(report, result)

    def _tell_joint(self, joint: Joint) -> None:
        if joint.error is not None:
            for each in joint.asked:
                self._refuse(each, joint.error)
            return
        text = whole(joint.run.text())
        for each in joint.asked:
            self._answer(each, *((204, whole(b"", 204)) if each.head.minimal else (200, text)))

    def _refuse(self, report: Coming, error: BaseException) -> None:
        refusal = refusal_of(error, "POST", report.head.path)
        self._answer(report, refusal.status, refusal.whole())

    def _answer(self, report: Coming, status: int, text: bytes) -> None:
        report.open = False
        self._service.counts["POST", report.head.place, status] += 1
        if is_logged():
            size = len(text) - text.index(b"\r\n\r\n") - 4
            log("POST", report.head.path, status, self._loop.time() - report.since, size, report.remote())
        report.answered(text)
