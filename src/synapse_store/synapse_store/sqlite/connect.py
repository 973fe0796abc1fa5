"""Connections to the file: the one that writes, and those that only read."""

from __future__ import annotations

import sqlite3
import time

from synapse_core.errors import StoreError
from synapse_store.sqlite.failures import explained
from synapse_store.sqlite.files import make_file
from synapse_store.sqlite.location import Durability, Location
from synapse_store.sqlite.migrate import is_ready, migrate

_CACHE_KIB = 16_000


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
        except BaseException:
            connection.close()
            raise
    return connection


def open_reader(location: Location) -> sqlite3.Connection:
    """A connection that cannot write; it may be used from any thread, by one at a time.

    Raises:
        StoreError: the file cannot be read.
    """
    with explained(location.path):
        return _connect(location, "ro")


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


def _use_wal(connection: sqlite3.Connection, timeout: float) -> None:
    """Switch to the write-ahead log; SQLite's own waiting does not cover the switch.

    Checkpoints are the writer's: see `Checkpoints`.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise StoreError(
            "the file system has no shared memory, which SQLite's write-ahead log needs",
            hint="keep the store on a local disk, and serve it to other machines by `synapse serve`",
        )
    connection.execute("PRAGMA wal_autocheckpoint = 0")
