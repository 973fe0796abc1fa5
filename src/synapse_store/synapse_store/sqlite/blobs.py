"""Large values as files beside the database, named by their hash: `Blobs`.

A reference is ``@`` and the hash where JSON text would stand; JSON never begins so. Files come and go only under the
write lock: one that a transaction refers to is in place, and on disk, before that is committed; one that nothing
refers to any more is removed after. So a crash leaves at most a file too many, which `sweep` removes.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import frozen

from synapse_core.errors import StoreError
from synapse_store.sqlite.files import make_folder, private_part, sync

LARGE = 1_000_000
"""Values of more characters than this are files."""

_STALE = 3600.0
_NAME = re.compile(r"[0-9a-f]{64}")


@frozen
class Blob:
    """A value that was written to a file which has no place yet."""

    hash: str
    part: Path

    def discard(self) -> None:
        """Forget the part; the value keeps its place if it has one."""
        self.part.unlink(missing_ok=True)


def discard(blobs: Iterable[Blob]) -> None:
    """Forget the parts of several."""
    for blob in blobs:
        blob.discard()


class Blobs:
    """The files of one database.

    Args:
        folder: where they are; made with the first of them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, digest: str) -> Path:
        """Where a value is."""
        return self._folder / digest[:2] / digest

    def write(self, text: str) -> Blob:
        """Write a value to disk, still without a place; needs no lock."""
        data = text.encode()
        make_folder(self._folder)
        blob = Blob(hashlib.sha256(data).hexdigest(), private_part(self._folder))
        try:
            blob.part.write_bytes(data)
            sync(blob.part)
        except BaseException:
            blob.discard()
            raise
        return blob

    def keep(self, connection: sqlite3.Connection, run: int, blob: Blob) -> None:
        """Give a value its place, and note that ``run`` refers to it; within a transaction."""
        path = self.path(blob.hash)
        if not path.exists():
            make_folder(path.parent)
            _place(blob.part, path)
            sync(path.parent)
            sync(self._folder)
        connection.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (run, blob.hash))

    def read(self, digest: str) -> str:
        """The value.

        Raises:
            StoreError: its file is gone or is not what was written.
        """
        path = self.path(digest)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StoreError(
                f"{path}, which holds a large value of the store, cannot be read: {error.strerror}",
                hint="put it back from a backup; the folder belongs to the database and moves with it",
            ) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise StoreError(f"{path} is damaged: it is not what was stored", hint="put it back from a backup")
        return data.decode()

    def drop(self, connection: sqlite3.Connection, digests: Iterable[str]) -> int:
        """Remove those files that no run refers to; under the write lock. How many they were."""
        gone = [digest for digest in digests if not _referred(connection, digest)]
        for digest in gone:
            self.path(digest).unlink(missing_ok=True)
        return len(gone)

    def sweep(self, connection: sqlite3.Connection) -> int:
        """Remove what crashes have left behind; under the write lock. How many files they were."""
        stale = [part for part in self._folder.glob(".part-*") if _age(part) > _STALE]
        for part in stale:
            part.unlink(missing_ok=True)
        return len(stale) + self.drop(connection, self.names())

    def names(self) -> Iterator[str]:
        """The hashes of all files that are there."""
        return (path.name for path in self._folder.glob("??/*") if _NAME.fullmatch(path.name))


def _place(part: Path, path: Path) -> None:
    """Put a file in its place; its part stays until the transaction is over, as that may be tried again."""
    try:
        os.link(part, path)
    except OSError:  # a file system without links
        part.replace(path)


def _referred(connection: sqlite3.Connection, digest: str) -> bool:
    return connection.execute("SELECT 1 FROM blobs WHERE hash = ? LIMIT 1", (digest,)).fetchone() is not None


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
