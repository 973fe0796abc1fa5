"""Room for the write-ahead log, made before it is needed: `LogRoom`.

A commit that makes the log's file longer waits for the disk about twice as long as one that writes over what is
there: the file's new length has to be on disk, too. So zeros are put behind the log, many commits' worth at once.
SQLite knows a log's end by the checksums of its frames; whatever lies behind is no part of it, as after every reuse
of a log from its beginning.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress

_HEADER = 32
_FRAME_HEADER = 24
_FIRST = 256 * 1024
_MOST = 2 * 1024 * 1024
_BLOCK = 4096


class LogRoom:
    """Keeps room in the log of one connection's file, as long as that is open.

    Args:
        connection: in write-ahead mode.
        log: the log's path.
    """

    def __init__(self, connection: sqlite3.Connection, log: str) -> None:
        self._log = log
        self._frame = _FRAME_HEADER + connection.execute("PRAGMA page_size").fetchone()[0]
        self._file: int | None = None
        self._off = not hasattr(os, "pwrite")

    def keep(self) -> None:
        """Make room if there is none: within a write transaction, so that nobody else lengthens or cuts the file.

        Where it cannot be made (a full disk), nothing is made any more: SQLite will say so itself, if it must.
        """
        if self._off:
            return
        try:
            if self._file is None:
                self._file = os.open(self._log, os.O_WRONLY | getattr(os, "O_CLOEXEC", 0))
            # Not by fstat: where it was asked for a file's times, Linux (6.13 on) notes the next write's exactly, and a
            # commit then waits for the inode, too.
            size = os.lseek(self._file, 0, os.SEEK_END)
            # A file that ends where a frame ends was lengthened by SQLite; room never ends there.
            if (size - _HEADER) % self._frame == 0 or not size:
                self._make(self._file, size)
        except OSError:
            self._off = True
            self.close()

    def _make(self, file: int, size: int) -> None:
        end = (size + min(max(size, _FIRST), _MOST)) // _BLOCK * _BLOCK
        if (end - _HEADER) % self._frame == 0:
            end += _BLOCK
        try:
            written = size
            while written < end:
                written += os.pwrite(file, bytes(end - written), written)
        except OSError:
            with suppress(OSError):
                os.ftruncate(file, size)
            raise

    def close(self) -> None:
        """Let go of the file; what room there is stays."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
