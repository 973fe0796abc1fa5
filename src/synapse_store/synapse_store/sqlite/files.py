"""The database as files: who may read them, and whether they are still the ones that were opened."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from synapse_core.errors import StoreError

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600


Identity = tuple[int, int]
"""Which file a path led to, by device and inode: a name can come to lead to another."""


def identity(path: str | Path) -> Identity | None:
    """The file at ``path``; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  three times as fast, and done for every commit
    except OSError:
        return None
    return found.st_dev, found.st_ino


def make_folder(path: Path) -> None:
    """Make a folder that only its owner sees, and those above that are missing; one that is there stays as it is."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def make_file(path: Path) -> None:
    """Make an empty file that only its owner reads, if there is none; its ``-wal`` and ``-shm`` get the same mode.

    An existing one is never opened here: to close a database file drops the locks that SQLite holds on it.
    """
    if path.is_dir():
        raise StoreError(f"{path} is a folder", hint=f"name a file, such as {path / 'runs.db'}")
    make_folder(path.parent)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE_FILE))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A private file to write to that takes the place of ``path`` once it is whole and on disk."""
    make_folder(path.parent)
    part = private_part(path.parent)
    try:
        yield part
        sync(part)
        part.replace(path)
        sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


def private_part(folder: Path) -> Path:
    """A new empty file in ``folder``, for its owner only."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".part-")
    os.close(handle)
    return Path(name)


def sync(path: Path) -> None:
    """Have a file, or a folder's list of files, on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
