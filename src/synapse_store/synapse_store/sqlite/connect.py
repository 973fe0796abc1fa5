"""Connections to the file: the one that writes, and those that only read."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from synapse_core.errors import StoreError
from synapse_store.sqlite.failures import explained
from synapse_store.sqlite.files import make_file
from synapse_store.sqlite.location import Durability, Location
from synapse_store.sqlite.migrate import is_ready, migrate

T = TypeVar("T")

_CACHE_KIB = 16_000
_PAUSE = 0.002


def open_writer(location: Location) -> sqlite3.Connection:
    """The connection that writes: the file made if there is none, and brought to this version's schema.

    It may be used from any thread, by one at a time.

    Raises:
        StoreError: the file cannot be used, is of a newer version, or is no store.
        StoreUnavailableError: others keep it locked.
    """
    with explained(location.path):
        make_file(location.path)
        connection = _connect(location, "rw")
        try:
            ready = is_ready(connection, location.path)
            _use_wal(connection, location.timeout)
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            if not ready:
                set_durability(connection, "full")
                migrate(connection, location.path)
            set_durability(connection, location.durability)
            connection.execute("PRAGMA busy_timeout = 0")
        except BaseException:
            connection.close()
            raise
    return connection


def open_reader(location: Location, *, forgiving: bool = False) -> sqlite3.Connection:
    """A connection that cannot write; it may be used from any thread, by one at a time.

    A ``forgiving`` one reads what there is of a file that was cut short, or whose schema is damaged in part.

    Raises:
        StoreError: the file cannot be read.
    """
    with explained(location.path):
        connection = _connect(location, "ro")
        if forgiving:
            connection.execute("PRAGMA writable_schema = ON")
        return connection


def set_durability(connection: sqlite3.Connection, durability: Durability) -> None:
    """Have a commit wait for the disk (``full``), or only for the system (``normal``)."""
    connection.execute(f"PRAGMA synchronous = {durability}")


def _connect(location: Location, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{location.path.as_uri()}?mode={mode}",
        uri=True,
        timeout=location.timeout,
        isolation_level=None,  # transactions are begun and ended in so many words
        check_same_thread=False,
    )


def when_free(work: Callable[[], T], timeout: float) -> T:
    """What ``work`` gives; it is tried again, for so many seconds, while other processes write.

    SQLite's own waiting looks ten times a second, and so hardly ever in the moment between two commits of a process
    that has much to write, least where commits are slow: the writer's connection has none, but `waiting`.

    Raises:
        sqlite3.OperationalError: they keep the file locked.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)


@contextmanager
def waiting(connection: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """Have SQLite itself wait for locks, within the body: for what it does by halves where it does not get them."""
    connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
    try:
        yield
    finally:
        connection.execute("PRAGMA busy_timeout = 0")


def _use_wal(connection: sqlite3.Connection, timeout: float) -> None:
    """Switch to the write-ahead log, whose checkpoints are the writer's; SQLite's own waiting does not cover that."""
    mode = when_free(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchone()[0], timeout)
    if mode != "wal":
        raise StoreError(
            "the file system has no shared memory, which SQLite's write-ahead log needs",
            hint="keep the store on a local disk, and serve it to other machines by `synapse serve`",
        )
    connection.execute("PRAGMA wal_autocheckpoint = 0")
