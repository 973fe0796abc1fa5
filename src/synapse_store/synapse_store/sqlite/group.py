"""Group commit: concurrent writers share one transaction, and nobody lingers to find company (`Writer`)."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from synapse_core.errors import StoreError, SynapseError
from synapse_store.sqlite.database import Database
from synapse_store.sqlite.failures import explain, explained
from synapse_store.sqlite.ledger import Entry, Ledger, News

T = TypeVar("T")

_MOST = 20_000
"""Rows, about, that one transaction has at most: nobody waits long for what others write."""

_MOST_GATHERED = 128
"""Requests that a loop brings at once at most."""


class Request(Generic[T]):
    """Something to be written, and what came of it.

    Args:
        work: writes it, in a transaction that others may share; is called again if that comes to nothing.
        prepare: makes ready what is written, before there is a transaction; ``work`` is given it.
        rows: how many rows that is, about.

    Attributes:
        ready: whether all is prepared.
        tell, gate: who waits: a task on its loop, or a thread.
        leads: whether that thread can take the turn.
    """

    __slots__ = ("_entry", "_prepare", "_work", "done", "error", "gate", "leads", "ready", "result", "rows", "tell")

    def __init__(
        self, work: Callable[[Ledger, Entry], T], prepare: Callable[[], Entry] | None = None, rows: int = 1
    ) -> None:
        self.rows = rows
        self.done = False
        self.error: BaseException | None = None
        self.result: T | None = None
        self.tell: tuple[asyncio.AbstractEventLoop, asyncio.Future[T]] | None = None
        self.gate: threading.Lock | None = None
        self.leads = False
        self.ready = prepare is None
        self._work = work
        self._prepare = prepare
        self._entry: Any = None

    def prepare(self, path: Path) -> None:
        """Make ready what is written to the file, if that has not been done; an error is kept."""
        if self.ready:
            return
        self.ready = True
        try:
            self._entry = self._prepare() if self._prepare is not None else None
        except Exception as error:  # noqa: BLE001  raised again to the one who asked
            self.error = explain(error, path)

    def run(self, ledger: Ledger) -> None:
        """Write, within a transaction. A refusal is kept, as long as nothing has been written.

        Raises:
            Exception: it failed half-way; the transaction must be undone.
        """
        before = ledger.changes
        try:
            self.result = self._work(ledger, self._entry)
        except SynapseError as error:
            if ledger.changes != before:
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

    Whoever comes while nobody writes has the turn and commits at once, in its own thread; who comes meanwhile queues
    up, and the next transaction takes all of them. The turn is passed on directly, to one who waits; the others are
    not woken before their own request is done. Coroutines are served by a thread of the writer's own, and so is the
    main thread: a Ctrl-C may break its waiting, but never a transaction.

    Args:
        database: the file.
        on_news: told, after each commit, what was added to which runs.
    """

    def __init__(self, database: Database, on_news: Callable[[Sequence[News]], object]) -> None:
        self.database = database
        self._on_news = on_news
        self._lock = threading.Lock()  # for the queue, and for who has the turn
        self._queue: deque[Request[Any]] = deque()
        self._taken = False
        self._turns: deque[threading.Lock] = deque()
        self._bell = _gate()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._coming: dict[asyncio.AbstractEventLoop, list[Request[Any]]] = {}

    # -- asking -----------------------------------------------------------------------------------------------

    def call(self, request: Request[T]) -> T:
        """Have ``request`` written, and wait for it in this thread.

        Raises:
            StoreError: it was refused, or could not be written.
        """
        gate = request.gate = _gate()
        request.leads = threading.current_thread() is not threading.main_thread()
        if request.leads:
            request.prepare(self.database.location.path)
        if not self._ask(request):
            gate.acquire()  # until it is done, or it has the turn
        if not request.done:
            self._lead(request)
        return request.outcome()

    async def acall(self, request: Request[T]) -> T:
        """Have ``request`` written, and await it; it is written too if the awaiting task is cancelled.

        Raises:
            StoreError: it was refused, or could not be written.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        request.tell = loop, future
        coming = self._coming.get(loop)
        if coming is None:
            coming = self._coming[loop] = []
            loop.call_soon(self._gather, loop, coming, 0)
        coming.append(request)
        return await future

    async def acall_all(self, requests: Sequence[Request[Any]]) -> None:
        """Have all ``requests`` written, one at least, in order, and await that; each has its outcome then."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        requests[-1].tell = loop, future  # it is the last to be done
        if self._closed:
            _fail(requests, StoreError("the store is closed"))
            return
        self._ask(*requests)
        with suppress(SynapseError):
            await future

    def _gather(self, loop: asyncio.AbstractEventLoop, coming: list[Request[Any]], known: int) -> None:
        """Queue up what a loop has brought, once it brings no more: one hop to the writer, and one transaction."""
        if known < len(coming) < _MOST_GATHERED:
            loop.call_soon(self._gather, loop, coming, len(coming))
            return
        del self._coming[loop]
        if self._closed:  # meanwhile
            _fail(coming, StoreError("the store is closed"))
            _tell(coming)
        else:
            self._ask(*coming)

    def _ask(self, *requests: Request[Any]) -> bool:
        """Queue up; whether the caller, with its one request, has the turn now."""
        with self._lock:
            self._queue.extend(requests)
            if self._taken:
                return False
            self._taken = True
            if requests[0].leads:
                return True
            self._ring()
            return False

    # -- whose turn it is -------------------------------------------------------------------------------------

    def _lead(self, request: Request[Any]) -> None:
        """Write, having the turn, until ``request`` is done."""
        groups = []
        while not request.done:
            groups.append(self._commit())
        self._pass_on()
        for group in groups:
            _tell(group, request)

    def _serve(self) -> None:
        """Write, whenever the turn is this thread's."""
        while True:
            self._bell.acquire()
            group = self._commit()
            self._pass_on()
            _tell(group)
            if self._closed:
                return

    def _pass_on(self) -> None:
        """Give the turn to who waits: for the turn itself, with the next request, or to the writer's own thread."""
        with self._lock:
            if self._turns:
                self._turns.popleft().release()
            elif not self._queue:
                self._taken = False
            else:
                leader = next((request for request in self._queue if request.leads), None)
                if leader is None:
                    self._ring()
                else:
                    assert leader.gate is not None
                    leader.gate.release()

    def _ring(self) -> None:
        """Give the turn to the writer's own thread."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="synapse-store", daemon=True)
            self._thread.start()
        self._bell.release()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Have the turn, with nobody writing, while the body runs."""
        self.take_turn()
        try:
            yield
        finally:
            self._pass_on()

    def take_turn(self, timeout: float = -1) -> bool:
        """Wait for the turn, which is to be passed on by `resume`; False where that takes longer than ``timeout``."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            gate = _gate()
            self._turns.append(gate)
        if gate.acquire(timeout=timeout):
            return True
        with self._lock:
            if gate not in self._turns:
                return True
            self._turns.remove(gate)
            return False

    # -- writing ----------------------------------------------------------------------------------------------

    def _commit(self) -> Sequence[Request[Any]]:
        """Write what has queued up, having the turn; who waits for it is still to be told."""
        group = self._take()
        path = self.database.location.path
        try:
            for request in group:
                request.prepare(path)
            self._write([request for request in group if request.error is None])
        except BaseException as error:  # noqa: BLE001  whatever it is, nobody is left waiting
            _fail(group, explain(error, path))
        rows = 0
        for request in group:
            request.settle()
            rows += request.rows
        self.database.wrote(len(group), rows)
        return group

    def _take(self) -> list[Request[Any]]:
        group: list[Request[Any]] = []
        rows = 0
        with self._lock:
            while self._queue and rows < _MOST:
                group.append(self._queue.popleft())
                rows += group[-1].rows
        return group

    def _write(self, requests: Sequence[Request[Any]]) -> None:
        """Write in one transaction; where one request breaks it, each in its own."""
        if not requests:
            return
        if self._closed:
            _fail(requests, StoreError("the store is closed"))
            return
        running: list[Request[Any]] = []

        def body(ledger: Ledger) -> None:
            for request in requests:
                running[:] = [request]
                request.run(ledger)
            ledger.flush()
            running.clear()

        try:
            self.database.transact(body)
        except Exception as error:  # noqa: BLE001  raised again to those who asked
            if running and len(requests) > 1:
                self._write_singly(requests)
            else:
                _fail(requests, explain(error, self.database.location.path))
        else:
            self._on_news(self.database.news())

    def _write_singly(self, requests: Sequence[Request[Any]]) -> None:
        for request in requests:
            request.error = request.result = None
            self._write([request])

    def alone(self, work: Callable[[Database], T]) -> T:
        """Do something with the file while nobody of this process writes, outside of a transaction; blocks.

        Raises:
            StoreError: the file cannot be used.
        """
        with self.turn(), explained(self.database.location.path):
            if self._closed:
                raise StoreError("the store is closed")
            self.database.ledger()
            return work(self.database)

    # -- ending -----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Write what is queued, and close; blocks until that is done."""
        with self.turn():
            while self._queue:
                _tell(self._commit())
            self._closed = True
            self.database.close()
        with self._lock:
            if self._thread is not None and not self._taken:
                self._taken = True
                self._ring()

    def pause(self, timeout: float) -> bool:
        """Keep everybody from writing, with no connection open, until `resume`; False where that takes too long."""
        if not self.take_turn(timeout):
            return False
        self.database.close()
        return True

    def resume(self) -> None:
        """Let write again after `pause`."""
        self._pass_on()


def _gate() -> threading.Lock:
    """Something to wait for: a lock that is taken already, so that to release it lets the one who waits go on."""
    gate = threading.Lock()
    gate.acquire()
    return gate


def _fail(requests: Iterable[Request[Any]], error: StoreError) -> None:
    for request in requests:
        request.error = error


def _tell(group: Iterable[Request[Any]], own: Request[Any] | None = None) -> None:
    """Tell those who wait that it is over, but the one who tells; each loop once."""
    loops: dict[asyncio.AbstractEventLoop, list[Request[Any]]] = {}
    for request in group:
        if request.tell is not None:
            loops.setdefault(request.tell[0], []).append(request)
        elif request.gate is not None and request is not own:
            request.gate.release()
    for loop, requests in loops.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(_resolve, requests)


def _resolve(requests: Iterable[Request[Any]]) -> None:
    for request in requests:
        assert request.tell is not None
        future = request.tell[1]
        if future.done():
            continue
        if request.error is not None:
            future.set_exception(request.error)
        else:
            future.set_result(request.result)
