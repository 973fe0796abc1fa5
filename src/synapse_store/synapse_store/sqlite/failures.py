"""What SQLite and the disk complain of, as errors that say what, where and what to do."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synapse_core.errors import StoreError, StoreUnavailableError

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

_TEXTS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: (
        "the disk of {path} is full",
        "make room; what was acknowledged is safe, and the run can be resumed",
    ),
    sqlite3.SQLITE_READONLY: (
        "{path} cannot be written: the file, its folder or its disk is read-only",
        "make them writable, also -wal and -shm beside the file; or choose another with --store",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "{path} cannot be opened",
        "check that its folder is there and that you may write to it",
    ),
    sqlite3.SQLITE_PERM: ("you have no permission to use {path}", "check who owns the file and its folder"),
    sqlite3.SQLITE_AUTH: ("you have no permission to use {path}", "check who owns the file and its folder"),
    sqlite3.SQLITE_NOTADB: (
        "{path} is no SQLite database",
        "choose another file with --store, or go back to a backup; this one was left as it is",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "{path} is damaged",
        "see what `synapse store check` says; `synapse store export` saves what can be read; or go back to a backup",
    ),
    sqlite3.SQLITE_IOERR: (
        "{path} cannot be read or written",
        "check the disk: is it there, full, or failing?",
    ),
    sqlite3.SQLITE_TOOBIG: ("a value is too large for {path}", "keep large data in files and store their paths"),
}


def explain(error: BaseException, path: Path | str) -> StoreError:
    """The store's error for what SQLite or the system raised; the cause is still to be chained."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error, path)
    if isinstance(error, UnicodeEncodeError):
        return StoreError(f"{error.object[:80]!r} is no text that can be stored: it has half a surrogate pair")
    if isinstance(error, OSError):
        return StoreError(f"{error.filename or path}: {error.strerror or error}", hint=_os_hint(error))
    return StoreError(f"{path}: {type(error).__name__}: {error}")


def _of_sqlite(error: sqlite3.Error, path: Path | str) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _BUSY:
        return StoreUnavailableError(
            f"{path} is in use: another process keeps writing to it",
            hint="try again; if it stays, see who has it open (a backup? a `sqlite3` shell?), or raise ?timeout=",
        )
    if code == sqlite3.SQLITE_CANTOPEN and _is_held_by_its_folder(path):
        code = sqlite3.SQLITE_READONLY
    text, hint = _TEXTS.get(code, ("{path} failed", "see what `synapse store check` says"))
    return StoreError(f"{text.format(path=path)} (SQLite: {error})", hint=hint)


def _is_held_by_its_folder(path: Path | str) -> bool:
    """Whether there is a file that may be read, in a folder where the log that goes with it cannot be made."""
    return os.access(path, os.R_OK) and not os.access(Path(path).parent, os.W_OK)


def _os_hint(error: OSError) -> str | None:
    if error.errno in _FULL:
        return _TEXTS[sqlite3.SQLITE_FULL][1]
    if error.errno == errno.EROFS:
        return "choose a place that can be written, with --store or SYNAPSE_HOME"
    if isinstance(error, PermissionError):
        return "check who owns it, or choose another file with --store"
    if isinstance(error, NotADirectoryError | FileExistsError):
        return "a part of the path is a file, not a folder: choose another with --store"
    return None


@contextmanager
def explained(path: Path | str) -> Iterator[None]:
    """Turn what SQLite or the system raises inside into a `StoreError`."""
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeEncodeError) as error:
        raise explain(error, path) from error
