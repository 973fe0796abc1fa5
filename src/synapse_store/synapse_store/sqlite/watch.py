"""Who waits for a run's events: `Hub`, told by this process's writer, and looking itself for what others write."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from attrs import define, field

from synapse_core.errors import SynapseError
from synapse_store.sqlite.connect import open_reader
from synapse_store.sqlite.database import Database
from synapse_store.sqlite.ledger import ENDED, News

_INTERVAL = 0.05
_NOTED = 1_000

_HEAD = "SELECT seq, status FROM runs WHERE id = ?"


@define(eq=False)
class Watcher:
    """Somebody who waits for events of a run, of some kinds or of all, on a loop of their own.

    Attributes:
        seen: up to here, everything was read or is of no interest.
        top: up to here there may be something to read.
        over: the run has ended: nothing comes after ``top``.
        gone: the run was deleted.
        informed: there is nothing before that it was not told of.
    """

    run_id: str
    kinds: frozenset[str] | None
    seen: int
    loop: asyncio.AbstractEventLoop
    news: asyncio.Event = field(factory=asyncio.Event)
    top: int = 0
    over: bool = False
    gone: bool = False
    informed: bool = False

    def take(self, news: News) -> None:
        """Take note of what was added."""
        self.gone = self.gone or news.gone
        nothing = self.kinds is not None and self.kinds.isdisjoint(news.kinds)
        if nothing and self.seen == news.before:
            self.seen = news.last
        if news.ended or not nothing or self.seen != news.last:
            self.found(news.last, news.ended)

    def look(self, head: tuple[int, str] | None) -> None:
        """Take note of how far the run is, as the file says; None where it is not there."""
        self.gone = head is None
        self.found(*((head[0], head[1] in ENDED) if head else (self.top, True)))

    def found(self, last: int, over: bool) -> None:
        """There may be something up to ``last``."""
        if last > max(self.top, self.seen) or (over and not self.over) or self.gone:
            self.top = max(last, self.top)
            self.over = self.over or over  # after `top`, and read before it
            self.wake()

    def wake(self) -> None:
        """Have a look taken."""
        with suppress(RuntimeError):  # its loop is closed: nobody waits there any more
            self.loop.call_soon_threadsafe(self.news.set)


@define(eq=False)
class _Written:
    """A run that this process alone has written: the last event, and the kinds that there are."""

    last: int
    kinds: set[str]


class Hub:
    """The watchers of one file's runs.

    Args:
        database: the file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: dict[str, list[Watcher]] = {}
        self._written: OrderedDict[str, _Written] = OrderedDict()
        self._lock = threading.Lock()
        self._eye = threading.Lock()  # for the connection; taken before the other, and never by writers
        self._looking: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._version: int | None = None
        self._idle = threading.Event()

    @contextmanager
    def watching(self, run_id: str, after: int, kinds: Collection[str] | None) -> Iterator[Watcher]:
        """A watcher that is told of the run's events, while the body runs."""
        wanted = None if kinds is None else frozenset(map(str, kinds))
        watcher = Watcher(run_id, wanted, after, asyncio.get_running_loop())
        with self._lock:
            written = self._written.get(run_id)
            if written is not None:
                watcher.informed = True
                watcher.take(News(run_id, 0, written.last, frozenset(written.kinds), ended=False))
            self._watchers.setdefault(run_id, []).append(watcher)
            self._version = None  # look once, whatever has changed before
            self._look_out()
        try:
            yield watcher
        finally:
            with self._lock:
                self._leave(watcher)

    def _leave(self, watcher: Watcher) -> None:
        watchers = self._watchers[watcher.run_id]
        watchers.remove(watcher)
        if not watchers:
            del self._watchers[watcher.run_id]

    def tell(self, news: Sequence[News]) -> None:
        """Tell the watchers what this process has written."""
        with self._lock:
            for each in news:
                self._note(each)
                for watcher in self._watchers.get(each.run_id, ()):
                    watcher.take(each)

    def _note(self, news: News) -> None:
        """Keep in mind what a run of this process consists of, so that who watches it need not look.

        One that has ended is nobody's: others may say something after its end.
        """
        known = self._written.get(news.run_id)
        if news.gone or news.ended or news.before != (known.last if known is not None else 0):
            self._written.pop(news.run_id, None)
        elif known is not None:
            known.last = news.last
            known.kinds |= news.kinds
            self._written.move_to_end(news.run_id)
        else:
            self._written[news.run_id] = _Written(news.last, set(news.kinds))
            if len(self._written) > _NOTED:
                self._written.popitem(last=False)

    # -- what others write ------------------------------------------------------------------------------------

    def _look_out(self) -> None:
        if self._looking is None:
            self._idle.clear()
            self._looking = threading.Thread(target=self._look, name="synapse-watch", daemon=True)
            self._looking.start()

    def _look(self) -> None:
        """Look for news until nobody waits for any."""
        while not self._idle.wait(_INTERVAL):
            with self._eye:
                with self._lock:
                    watched = list(self._watchers)
                    if not watched:
                        self._looking = None
                if not watched:
                    self._close()
                    return
                self._look_at(watched)

    def _look_at(self, watched: Sequence[str]) -> None:
        try:
            found = self._heads(watched) if self._has_changed() else {}
        except (sqlite3.Error, SynapseError):  # whoever reads the file next says what it is
            found = None
        with self._lock:
            for run_id in watched:
                for watcher in self._watchers.get(run_id, ()):
                    if found is None:
                        watcher.wake()
                    elif run_id in found:
                        watcher.look(found[run_id])

    def _has_changed(self) -> bool:
        self._database.check()
        if self._connection is None:
            self._connection = open_reader(self._database.location)
        before, self._version = self._version, self._connection.execute("PRAGMA data_version").fetchone()[0]
        return before != self._version

    def _heads(self, watched: Sequence[str]) -> dict[str, Any]:
        assert self._connection is not None
        execute = self._connection.execute
        return {run_id: execute(_HEAD, (run_id,)).fetchone() for run_id in watched}

    def _close(self) -> None:
        self._version = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Look no more."""
        self._idle.set()
        with self._eye:
            self._close()

    def pause(self, timeout: float) -> bool:
        """Have no connection open, until `resume`; False where that takes too long."""
        if not self._eye.acquire(timeout=timeout):
            return False
        self._close()
        self._lock.acquire()
        return True

    def resume(self) -> None:
        """Let look again after `pause`."""
        self._lock.release()
        self._eye.release()
