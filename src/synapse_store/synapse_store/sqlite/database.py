"""The file as its writer sees it: opened when first needed, watched over, and its log checkpointed (`Database`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from attrs import evolve

from synapse_core.errors import StoreError
from synapse_store.sqlite.blobs import Blobs
from synapse_store.sqlite.connect import open_writer, set_durability, waiting, when_free
from synapse_store.sqlite.files import Identity, identity, replacing
from synapse_store.sqlite.ledger import Ledger, News
from synapse_store.sqlite.location import Durability, Location
from synapse_store.sqlite.room import LogRoom

_CHECKPOINT_PAGES = 2_000
_CHECKPOINT_WAIT = 0.2
_PAGES_A_COMMIT = 3
_PAGES_A_REQUEST = 2
_ROWS_A_PAGE = 20


class Database:
    """One file's write connection, to be used by one thread at a time.

    Args:
        location: which file, and how it is written to.
    """

    def __init__(self, location: Location) -> None:
        self.location = location
        self.blobs = Blobs(location.blobs)
        self._name = str(location.path)
        self._ledger: Ledger | None = None
        self._room: LogRoom | None = None
        self._durability: Durability = location.durability
        self._identity: Identity | None = None
        self._lost: StoreError | None = None
        self._pages = 0

    @property
    def lost(self) -> bool:
        """Whether the file was deleted or replaced; nothing is written to it any more."""
        return self._lost is not None

    def ledger(self) -> Ledger:
        """The tables, of the file that was first opened.

        Raises:
            StoreError: the file cannot be opened, or is gone.
        """
        if self._lost is not None:
            raise StoreError(self._lost.message, hint=self._lost.hint)
        if self._is_gone():
            self._lost = self._lose()
            raise self._lost
        if self._ledger is None:
            self._durability = self.location.durability
            connection = open_writer(self.location)
            self._identity = identity(self._name)
            self._ledger = Ledger(connection, self.blobs)
            self._room = LogRoom(connection, f"{self._name}-wal")
        if self._durability != self.location.durability:
            self._durability = self.location.durability
            set_durability(self._ledger.connection, self._durability)
        return self._ledger

    def check(self) -> None:
        """See whether the path still leads to the file that was opened; for readers, on any thread.

        Raises:
            StoreError: it leads to another, or to none.
        """
        if self._is_gone():
            hint = f"who wrote to it saves what was acknowledged to {self._rescued()}; move that back, or a backup"
            raise self._lost or StoreError(f"{self.location} {self._what_came()}", hint=hint)

    def _is_gone(self) -> bool:
        return self._identity is not None and identity(self._name) != self._identity

    def _what_came(self) -> str:
        how = "was replaced by another file" if self.location.path.exists() else "was deleted"
        return f"{how} while it was in use"

    def transact(self, body: Callable[[Ledger], object]) -> None:
        """Call ``body`` with the tables, in a write transaction: it is committed, or undone where the body raises.

        Raises:
            StoreError: the file cannot be used.
            sqlite3.Error: it could not be begun or committed.
        """
        ledger = self.ledger()
        execute = ledger.connection.execute
        when_free(lambda: execute("BEGIN IMMEDIATE"), self.location.timeout)
        try:
            ledger.begun()
            body(ledger)
            ledger.flush()
            if self._room is not None and self._durability == "full":
                self._room.keep()
            execute("COMMIT")
        except BaseException:
            ledger.undone()
            if ledger.connection.in_transaction:
                execute("ROLLBACK")
            raise

    def news(self) -> list[News]:
        """What the last transaction has added; it is told once."""
        assert self._ledger is not None
        news, self._ledger.news = self._ledger.news, []
        return news

    def be_full(self) -> None:
        """Have commits wait for the disk from now on, as somebody who shares the file asks for it; on any thread."""
        self.location = evolve(self.location, durability="full")

    def wrote(self, requests: int, rows: int) -> None:
        """Note how much was written; once that is enough the log is copied back into the file."""
        self._pages += _PAGES_A_COMMIT + requests * _PAGES_A_REQUEST + rows // _ROWS_A_PAGE
        if self._pages >= _CHECKPOINT_PAGES and self._ledger is not None:
            self._pages = 0
            self._checkpoint(self._ledger.connection)

    @staticmethod
    def _checkpoint(connection: sqlite3.Connection) -> None:
        """Copy the log back into the file, while nobody writes.

        Not SQLite's own automatic checkpoint: up to 3.51.2 a checkpoint during which another process commits and
        begins the log anew can lose what was committed (https://sqlite.org/wal.html#walresetbug). A ``FULL`` one
        holds the write lock. Where it fails nothing is lost: it is tried again later.
        """
        with suppress(sqlite3.Error), waiting(connection, _CHECKPOINT_WAIT):
            connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()

    def close(self) -> None:
        """Close the connection; it is opened again when it is needed again."""
        if self._ledger is not None:
            self._ledger.connection.close()
            self._ledger = None
        if self._room is not None:
            self._room.close()
            self._room = None

    # -- a file that is gone ----------------------------------------------------------------------------------

    def _lose(self) -> StoreError:
        """The error for a file that is gone: what it held can still be read from the open one, and is saved."""
        what = self._what_came()
        hint = "go back to a backup"
        if self._ledger is not None:
            try:
                hint = f"all that was acknowledged was saved to {self._rescue(self._ledger.connection)}; move it back"
            except (OSError, sqlite3.Error) as error:
                hint = f"what it held could not be saved ({error}); go back to a backup"
        with suppress(sqlite3.Error):
            self.close()
        return StoreError(f"{self.location} {what}", hint=hint)

    def _rescue(self, connection: sqlite3.Connection) -> Path:
        names = (self._rescued(number) for number in range(1000))
        target = next(name for name in names if not name.exists())
        with replacing(target) as part, closing(sqlite3.connect(part)) as copy:
            connection.backup(copy)
        return target

    def _rescued(self, number: int = 0) -> Path:
        path = self.location.path
        return path.with_name(f"{path.name}.rescued{number or ''}")
