"""What the tests of the SQLite store share."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from synapse_core.events import Kind
from synapse_core.testing.store.samples import begun, checkpoint, draft, log
from synapse_store import SQLiteStore
from synapse_store.sqlite.readers import Query, Reader, Readers
from synapse_store.sqlite.reading import Reading

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]


def on(path: Path, body: Callable[[SQLiteStore], Coroutine[Any, Any, T]], **options: Any) -> T:
    """What ``body`` gives for a store on that file, which is closed behind it."""

    async def main() -> T:
        store = SQLiteStore(path, **options)
        try:
            return await body(store)
        finally:
            await store.aclose()

    return asyncio.run(main())


def filled(path: Path, runs: int = 1, logs: int = 3) -> list[str]:
    """The ids of ended runs in a store at ``path``."""

    async def body(store: SQLiteStore) -> list[str]:
        return [await ended(store, logs) for _ in range(runs)]

    return on(path, body)


async def ended(store: SQLiteStore, logs: int = 3, kind: str = Kind.RUN_COMPLETED, **more: Any) -> str:
    """A run of one action with a checkpoint, which has ended."""
    run_id = await begun(store, **more)
    await store.append(run_id, [draft(Kind.RUN_STARTED), draft(Kind.ACTION_STARTED, "load", 1, 1)])
    await store.append(run_id, [log(number) for number in range(logs)])
    done = [draft(Kind.ACTION_COMPLETED, "load", 2, 1)]
    await store.append(run_id, done, checkpoints=[checkpoint(run_id, "load", 0, {"x": 1})])
    await store.append(run_id, [draft(kind, number=3, error="over")])
    return run_id


def in_thread(work: Callable[[], T]) -> T:
    """What ``work`` gives in a thread of its own."""
    made: list[T] = []
    thread = threading.Thread(target=lambda: made.append(work()))
    thread.start()
    thread.join()
    return made[0]


def sql(path: Path, text: str, *parameters: Any) -> list[Any]:
    """What a statement gives on the bare file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(text, parameters).fetchall()


def writable(path: Path) -> bool:
    """Whether nobody writes to the file at this instant."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True


def python(code: str, *args: str, **options: Any) -> subprocess.Popen[str]:
    """A Python that runs ``code``."""
    command = [sys.executable, "-c", code, *args]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ), **options
    )


def output_of(process: subprocess.Popen[str], timeout: float = 100) -> str:
    """What a process prints, which must end well."""
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, err
    return out


class Counted(Readers):
    """Readers that note what is asked of them: each query, and how many rows all of them gave."""

    def __init__(self, readers: Readers) -> None:
        super().__init__(readers.database, readers._slots, readers._lock)
        self.queries: list[str] = []
        self.rows = 0

    async def _execute(self, query: Any, parameters: Any) -> list[Any]:
        return await super()._execute(query if isinstance(query, Query) else partial(self._counted, query), parameters)

    async def fetch(self, query: Query[T], *parameters: Any) -> list[T]:
        return self._note(query, await super().fetch(query, *parameters))

    def _counted(self, ask: Callable[[Any], T], reader: Reader) -> T:
        counting: Any = SimpleNamespace(
            execute=lambda query, parameters=(): self._note(query, reader.execute(query, parameters)),
            one=lambda query, *parameters: next(iter(counting.execute(query, parameters)), None),
        )
        return ask(counting)

    def _note(self, query: str, found: list[T]) -> list[T]:
        self.queries.append(query)
        self.rows += len(found)
        return found

    def reset(self) -> None:
        """Count from nothing."""
        self.queries.clear()
        self.rows = 0


def counted(store: SQLiteStore) -> Counted:
    """Have a store's reads counted from now on."""
    file = store._file
    file.readers = readers = Counted(file.readers)
    file.reading = Reading(readers, file.hub)
    return readers
