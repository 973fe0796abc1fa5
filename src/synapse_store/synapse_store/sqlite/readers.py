"""Reading beside the writer: `Readers`, a few read-only connections that never wait for it.

A query is fetched whole, so that no read transaction is ever open while somebody looks at its rows: that would keep
the write-ahead log from being begun anew.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, cast

import aiosqlite
from attrs import define, field

from synapse_store.sqlite.blobs import Blobs
from synapse_store.sqlite.connect import open_reader
from synapse_store.sqlite.database import Database
from synapse_store.sqlite.failures import explained
from synapse_store.sqlite.location import Location
from synapse_store.sqlite.rows import Load, loader

T = TypeVar("T")

_MOST = 4
_CHUNK = 64


class Query(str, Generic[T]):
    """A query's text, and what makes a value of each row; that happens in the thread that reads."""

    __slots__ = ("make",)

    make: Callable[[tuple[Any, ...], Load], T]

    def __new__(cls, text: str, make: Callable[[tuple[Any, ...], Load], T]) -> Query[T]:
        query = super().__new__(cls, text)
        query.make = make
        return query


class Fetched(list[T]):
    """The rows of a query that has been read to its end."""

    def fetchall(self) -> list[T]:
        """All of them."""
        return self


class Reader:
    """A read-only connection, opened when it is first needed, and again after `pause`.

    It stands where aiosqlite has a connection of the standard library, so that a query is one hop to its thread and
    back, its values included. A ``forgiving`` one reads what there is of a damaged file.
    """

    def __init__(self, location: Location, blobs: Blobs, *, forgiving: bool = False) -> None:
        self._location = location
        self._forgiving = forgiving
        self._load = loader(blobs)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def execute(self, query: Query[T] | Callable[[Reader], T], parameters: Sequence[Any] = ()) -> Fetched[T]:
        """The values of a query's rows; or what a function gives that makes several queries."""
        if not isinstance(query, Query):
            return Fetched([query(self)])
        with self._lock:
            if self._connection is None:
                self._connection = open_reader(self._location, forgiving=self._forgiving)
            rows = self._connection.execute(query, parameters).fetchall()
        make, load = query.make, self._load
        return Fetched([make(row, load) for row in rows])

    def one(self, query: Query[T], *parameters: Any) -> T | None:
        """The value of a query's first row; None where there is none."""
        return next(iter(self.execute(query, parameters)), None)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def pause(self, timeout: float) -> bool:
        """Have no connection open, until `resume`; False where a query takes too long."""
        if not self._lock.acquire(timeout=timeout):
            return False
        self._drop()
        return True

    def resume(self) -> None:
        """Let read again after `pause`."""
        self._lock.release()


@define(eq=False)
class _Slot:
    reader: Reader
    connection: aiosqlite.Connection
    pending: int = 0


@define(eq=False)
class Readers:
    """Read-only connections to one file, each with a thread; opened as more queries come at once, up to a few."""

    database: Database
    _slots: list[_Slot] = field(factory=list)
    _lock: threading.Lock = field(factory=threading.Lock)
    _opening: int = 0

    async def fetch(self, query: Query[T], *parameters: Any) -> list[T]:
        """The values of all rows of a query.

        Raises:
            StoreError: the file cannot be read.
        """
        return await self._execute(query, parameters)

    async def work(self, ask: Callable[[Reader], T]) -> T:
        """What a function gives that makes several queries: all of it is one hop to a thread that reads, and back.

        Raises:
            StoreError: the file cannot be read.
        """
        return (await self._execute(ask, ()))[0]

    async def _execute(self, query: Query[T] | Callable[[Reader], T], parameters: Sequence[Any]) -> list[T]:
        self.database.check()
        slot = await self._slot()
        try:
            with explained(self.database.location.path):
                rows = await slot.connection.execute_fetchall(cast(str, query), parameters)
        finally:
            with self._lock:
                slot.pending -= 1
        return cast(list[T], rows)

    async def one(self, query: Query[T], *parameters: Any) -> T | None:
        """The value of the first row; None where there is none."""
        return next(iter(await self.fetch(query, *parameters)), None)

    async def _slot(self) -> _Slot:
        """A connection that nobody waits for; where there are as many as may be, the one that fewest wait for."""
        while True:
            with self._lock:
                slot = min(self._slots, key=lambda each: each.pending, default=None)
                full = len(self._slots) + self._opening >= _MOST
                if slot is not None and (full or not slot.pending):
                    slot.pending += 1
                    return slot
                if not full:
                    self._opening += 1
                    break
            await asyncio.sleep(0.001)  # the first ones are being opened, maybe on another loop
        return await self._open()

    async def _open(self) -> _Slot:
        """One connection more."""
        reader = Reader(self.database.location, self.database.blobs)
        try:
            connection = _in_daemon_thread(lambda: aiosqlite.Connection(cast(Any, lambda: reader), _CHUNK))
            slot = _Slot(reader, connection, pending=1)
            await connection
        finally:
            with self._lock:
                self._opening -= 1
        with self._lock:
            self._slots.append(slot)
        return slot

    async def aclose(self) -> None:
        """Close all connections."""
        with self._lock:
            slots, self._slots = self._slots, []
        for slot in slots:
            await slot.connection.close()

    def pause(self, timeout: float) -> bool:
        """Have no connection open, until `resume`; False, and nothing held, where that takes too long."""
        held: list[Reader] = []
        self._lock.acquire()
        for slot in self._slots:
            if not slot.reader.pause(timeout):
                self._release(held)
                return False
            held.append(slot.reader)
        return True

    def resume(self) -> None:
        """Let read again after `pause`."""
        self._release([slot.reader for slot in self._slots])

    def _release(self, readers: Sequence[Reader]) -> None:
        for reader in readers:
            reader.resume()
        self._lock.release()


def _in_daemon_thread(make: Callable[[], T]) -> T:
    """What ``make`` gives, called in a daemon thread.

    A thread is a daemon if the one that made it is. aiosqlite's threads are none, so a connection that nobody has
    closed would keep the process from ending.
    """
    made: list[T] = []
    thread = threading.Thread(target=lambda: made.append(make()), daemon=True)
    thread.start()
    thread.join()
    return made[0]
