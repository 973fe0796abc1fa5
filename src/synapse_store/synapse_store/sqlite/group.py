"""Group commit: concurrent writers share one transaction, and nobody lingers to find company (`Writer`)."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from synapse_core.errors import StoreError, SynapseError
from synapse_store.sqlite.database import Database
from synapse_store.sqlite.failures import explain, explained
from synapse_store.sqlite.ledger import Entry, Ledger, News

T = TypeVar("T")

_MOST = 20_000
"""Rows, about, that one transaction has at most: nobody waits long for what others write."""


class Request(Generic[T]):
    """Something to be written, and what came of it.

    Args:
        work: writes it, in a transaction that others may share; is called again if that comes to nothing.
        prepare: makes ready what is written, before there is a transaction; ``work`` is given it.
        rows: how many rows that is, about.
    """

    __slots__ = ("_entry", "_prepare", "_work", "done", "error", "result", "rows", "tell")

    def __init__(
        self, work: Callable[[Ledger, Entry], T], prepare: Callable[[], Entry] | None = None, rows: int = 1
    ) -> None:
        self.rows = rows
        self.done = False
        self.error: BaseException | None = None
        self.result: T | None = None
        self.tell: tuple[asyncio.AbstractEventLoop, asyncio.Future[T]] | threading.Event | None = None
        self._work = work
        self._prepare = prepare
        self._entry: Any = None

    def prepare(self, path: Path) -> None:
        """Make ready what is written to the file, if that has not been done; an error is kept."""
        if self._prepare is None or self._entry is not None or self.error is not None:
            return
        try:
            self._entry = self._prepare()
        except Exception as error:  # noqa: BLE001  raised again to the one who asked
            self.error = explain(error, path)

    def run(self, ledger: Ledger) -> None:
        """Write, within a transaction. A refusal is kept, as long as nothing has been written.

        Raises:
            Exception: it failed half-way; the transaction must be undone.
        """
        before = ledger.connection.total_changes
        try:
            self.result = self._work(ledger, self._entry)
        except SynapseError as error:
            if ledger.connection.total_changes != before:
                raise
            self.error = error

    def settle(self) -> None:
        """It is over, well or not."""
        self.done = True
        if self._entry is not None:
            self._entry.discard()

    def outcome(self) -> T:
        """What the work gave.

        Raises:
            SynapseError: what the work raised.
        """
        if self.error is not None:
            raise self.error
        return cast(T, self.result)


class Writer:
    """Writes to one file, for callers on any thread and any loop.

    Whoever comes while nobody writes commits at once, in its own thread; who comes meanwhile queues up, and the next
    transaction takes all of them. Coroutines are served by a thread of the writer's own, and so is the main thread:
    a Ctrl-C may break its waiting, but never a transaction.

    Args:
        database: the file.
        on_news: told, after each commit, what was added to which runs.
    """

    def __init__(self, database: Database, on_news: Callable[[Sequence[News]], object]) -> None:
        self.database = database
        self._on_news = on_news
        self._queue: deque[Request[Any]] = deque()
        self._turn = threading.Lock()
        self._bell = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closed = False

    # -- asking -----------------------------------------------------------------------------------------------

    def call(self, request: Request[T]) -> T:
        """Have ``request`` written, and wait for it in this thread.

        Raises:
            StoreError: it was refused, or could not be written.
        """
        if threading.current_thread() is threading.main_thread():
            request.tell = told = threading.Event()
            self._ask(request)
            told.wait()
            return request.outcome()
        request.prepare(self.database.location.path)
        self._queue.append(request)
        with self._turn:
            while not request.done:
                self._commit()
        return request.outcome()

    async def acall(self, request: Request[T]) -> T:
        """Have ``request`` written, and await it; it is written too if the awaiting task is cancelled.

        Raises:
            StoreError: it was refused, or could not be written.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        request.tell = loop, future
        self._ask(request)
        return await future

    def _ask(self, request: Request[Any]) -> None:
        self._queue.append(request)
        if not self._bell.is_set():
            self._bell.set()
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._serve, name="synapse-store", daemon=True)
                    self._thread.start()

    def _serve(self) -> None:
        while not self._closed:
            self._bell.wait()
            self._bell.clear()
            with self._turn:
                while self._queue:
                    self._commit()

    # -- writing ----------------------------------------------------------------------------------------------

    def _commit(self) -> None:
        """Write what has queued up; this thread has the turn."""
        group = self._take()
        for request in group:
            request.prepare(self.database.location.path)
        waiting = [request for request in group if request.error is None]
        if waiting:
            self._write(waiting)
        for request in group:
            request.settle()
        _tell(group)
        self.database.wrote(len(group), sum(request.rows for request in group))

    def _take(self) -> list[Request[Any]]:
        group: list[Request[Any]] = []
        rows = 0
        while self._queue and rows < _MOST:
            group.append(self._queue.popleft())
            rows += group[-1].rows
        return group

    def _write(self, requests: Sequence[Request[Any]]) -> None:
        """Write in one transaction; where one request breaks it, each in its own."""
        if self._closed:
            _fail(requests, StoreError("the store is closed"))
            return
        culprit: Request[Any] | None = None
        try:
            with self.database.transaction() as ledger:
                for culprit in requests:
                    culprit.run(ledger)
                culprit = None
                news = list(ledger.news)
        except Exception as error:  # noqa: BLE001  raised again to those who asked
            if culprit is None or len(requests) == 1:
                _fail(requests, explain(error, self.database.location.path))
            else:
                self._write_singly(requests)
        else:
            ledger.news.clear()
            self._on_news(news)

    def _write_singly(self, requests: Sequence[Request[Any]]) -> None:
        for request in requests:
            request.error = request.result = None
            self._write([request])

    def alone(self, work: Callable[[Database], T]) -> T:
        """Do something with the file while nobody of this process writes, outside of a transaction; blocks.

        Raises:
            StoreError: the file cannot be used.
        """
        with self._turn:
            if self._closed:
                raise StoreError("the store is closed")
            self.database.ledger()
            with explained(self.database.location.path):
                return work(self.database)

    # -- ending -----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Write what is queued, and close; blocks until that is done."""
        with self._turn:
            while self._queue:
                self._commit()
            self._closed = True
            self.database.close()
        self._bell.set()

    def pause(self, timeout: float) -> bool:
        """Keep everybody from writing, with no connection open, until `resume`; False where that takes too long."""
        if not self._turn.acquire(timeout=timeout):
            return False
        self.database.close()
        return True

    def resume(self) -> None:
        """Let write again after `pause`."""
        self._turn.release()


def _fail(requests: Iterable[Request[Any]], error: StoreError) -> None:
    for request in requests:
        request.error = error


def _tell(group: Iterable[Request[Any]]) -> None:
    """Tell those who wait that it is over; each loop once."""
    loops: dict[asyncio.AbstractEventLoop, list[Request[Any]]] = {}
    for request in group:
        if isinstance(request.tell, threading.Event):
            request.tell.set()
        elif request.tell is not None:
            loops.setdefault(request.tell[0], []).append(request)
    for loop, requests in loops.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(_resolve, requests)


def _resolve(requests: Iterable[Request[Any]]) -> None:
    for request in requests:
        assert isinstance(request.tell, tuple)
        future = request.tell[1]
        if future.done():
            continue
        if request.error is not None:
            future.set_exception(request.error)
        else:
            future.set_result(request.result)
