"""One file, one writer a process: `SharedFile`, which all stores of the process on that file have in common."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from typing import Any

from synapse_core.errors import StoreError
from synapse_store.sqlite.database import Database
from synapse_store.sqlite.group import Writer
from synapse_store.sqlite.ledger import News
from synapse_store.sqlite.location import Location
from synapse_store.sqlite.readers import Readers
from synapse_store.sqlite.reading import Reading
from synapse_store.sqlite.watch import Hub

_FORK_WAIT = 10.0

_files: dict[str, SharedFile] = {}
_lock = threading.Lock()
_orphans: list[Any] = []
"""What a child process has inherited: never closed, as that would concern the parent's locks."""
_unusable: set[str] = set()
_held: list[SharedFile] = []


class SharedFile:
    """A file's writer, readers and watchers in this process.

    Args:
        location: the file; who comes later may only raise the durability.
    """

    def __init__(self, location: Location) -> None:
        self.location = location
        self.users = 0
        self.orphaned = False
        self.database = Database(location)
        self.hub = Hub(self.database)
        self.readers = Readers(self.database)
        self.reading = Reading(self.readers, self.hub)
        self.writer = Writer(self.database, self._tell)
        self._opened = False

    def _tell(self, news: Sequence[News]) -> None:
        self.reading.take(news)  # first: who is told by the hub may ask at once
        self.hub.tell(news)

    async def open(self) -> None:
        """Make the file, or bring it to this version's schema, so that it can be read.

        Raises:
            StoreError: it cannot be used.
        """
        if not self._opened:
            await asyncio.to_thread(self.writer.alone, lambda _: None)
            self._opened = True

    async def aclose(self) -> None:
        """Finish writing, and close."""
        self.hub.close()
        await self.readers.aclose()
        await asyncio.to_thread(self.writer.close)  # last: it tidies the log away

    def pause(self) -> bool:
        """Have no connection open until `resume`; False, and nothing held, where that takes too long."""
        held: list[Writer | Readers | Hub] = []
        for part in (self.writer, self.readers, self.hub):
            if not part.pause(_FORK_WAIT):
                for each in held:
                    each.resume()
                return False
            held.append(part)
        return True

    def resume(self) -> None:
        """Let everybody go on."""
        for part in (self.writer, self.readers, self.hub):
            part.resume()


class Attachment:
    """A store's share of its file: taken when first needed, given back once; taken anew in a process that was forked.

    Args:
        location: the file.
    """

    def __init__(self, location: Location) -> None:
        self._location = location
        self._shared: SharedFile | None = None
        self._closed = False

    def file(self) -> SharedFile:
        """The file.

        Raises:
            StoreError: the store is closed, or this process was forked while its parent was writing to the file.
        """
        shared = self._shared
        return shared if shared is not None and not shared.orphaned else self._take()

    def _take(self) -> SharedFile:
        with _lock:
            if self._closed:
                raise StoreError(f"the store {self._location} is closed")
            if self._shared is None or self._shared.orphaned:
                self._shared = _attached(self._location)
            return self._shared

    async def aclose(self) -> None:
        """Give it back; who is last closes the file."""
        with _lock:
            shared, self._shared, self._closed = self._shared, None, True
            if shared is None or shared.orphaned or not _is_last(shared):
                return
        await shared.aclose()


def _attached(location: Location) -> SharedFile:
    """This process's one `SharedFile` of a file, with one user more."""
    name = os.path.realpath(location.path)
    if name in _unusable:
        raise StoreError(
            f"{location} was being written to when this process was forked from another",
            hint="start processes with the method 'spawn', or fork before there is a store",
        )
    shared = _files.get(name)
    if shared is None or shared.database.lost:
        shared = _files[name] = SharedFile(location)
    elif location.durability == "full":
        shared.database.be_full()
    shared.users += 1
    return shared


def _is_last(shared: SharedFile) -> bool:
    """Take one user away; whether it was the last."""
    shared.users -= 1
    if shared.users:
        return False
    for name in [name for name, each in _files.items() if each is shared]:
        del _files[name]
    return True


# SQLite's locks are the process's, and its own memory of them is copied by a fork: a child that went on with it, even
# by a connection of its own, would believe to hold locks that it does not, and could destroy what others write. So
# there is no connection when a process forks; both sides open their own when they need one.


def _before_fork() -> None:
    _lock.acquire()
    for name, shared in _files.items():
        if shared.pause():
            _held.append(shared)
        else:
            _unusable.add(name)


def _after_in_parent() -> None:
    while _held:
        _held.pop().resume()
    _unusable.clear()
    _lock.release()


def _after_in_child() -> None:
    global _lock  # noqa: PLW0603  a lock that another thread may wait for is no longer of use
    for shared in _files.values():
        shared.orphaned = True
        _orphans.append(shared)
    _held.clear()
    _files.clear()
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
