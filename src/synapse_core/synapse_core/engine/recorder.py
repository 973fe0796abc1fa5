"""How a run is told to its store and sinks: `Recorder`, one writer that commits groups, in order."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Sequence

from synapse_core.engine.sinks import Sinks
from synapse_core.errors import StoreError, StoreUnavailableError
from synapse_core.events import Draft, stamp
from synapse_core.models import Checkpoint
from synapse_core.protocols import ImmediateStore, Lease, Store


class Recorder:
    """Writes one run's events in the order they were posted.

    `post` is for what need not be waited for; it rides with the next write. `commit` returns when its events, and
    all before them, are durable. Whoever commits while nobody writes becomes the writer, and takes along what the
    others have queued, so that concurrent commits share transactions.

    A store that is away is tried again until ``timeout`` seconds have passed; then, and on any other error of the
    store, the recorder is broken: ``error`` says why, and nothing is written any more.
    """

    BATCH = 5_000

    def __init__(self, store: Store, run_id: str, sinks: Sinks, timeout: float) -> None:
        self.lease: Lease | None = None
        self.error: StoreError | None = None
        self._store = store
        self._immediate = store if isinstance(store, ImmediateStore) else None
        self._lock = threading.RLock()  # with an immediate store, the threads of actions write too
        self._run_id = run_id
        self._sinks = sinks
        self._timeout = timeout
        self._drafts: deque[Draft] = deque()
        self._checkpoints: deque[tuple[int, Checkpoint]] = deque()
        self._posted = 0
        self._written = 0
        self._writing = False
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def backlog(self) -> int:
        """How many events are not stored yet."""
        return self._posted - self._written

    def post(self, drafts: Sequence[Draft], checkpoint: Checkpoint | None = None) -> None:
        """Have ``drafts`` written with the next commit or flush."""
        with self._lock:
            self._drafts.extend(drafts)
            self._posted += len(drafts)
            if checkpoint is not None:
                self._checkpoints.append((self._posted, checkpoint))

    async def commit(self, drafts: Sequence[Draft], checkpoint: Checkpoint | None = None) -> None:
        """Write ``drafts``, and the checkpoint in the same transaction, and wait until they are durable.

        Raises:
            StoreError: they could not be written.
        """
        self.post(drafts, checkpoint)
        await self.flush()

    def commit_now(self, drafts: Sequence[Draft], checkpoint: Checkpoint | None = None) -> bool:
        """As `commit`, on any thread and without waiting; False, and nothing done, where the store is to be waited for.

        Raises:
            StoreError: they could not be written.
        """
        if self._immediate is None:
            return False
        self.post(drafts, checkpoint)
        self._write_now(self._immediate)
        return True

    async def flush(self) -> None:
        """Write all that was posted so far.

        Raises:
            StoreError: it could not be written.
        """
        if self.error is not None:
            raise self.error
        if self._immediate is not None:
            self._write_now(self._immediate)
        elif not self._writing:
            await self._write_all()
        elif self._written < self._posted:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((self._posted, turn))
            await turn

    # -- writing ----------------------------------------------------------------------------------------------

    def _write_now(self, store: ImmediateStore) -> None:
        with self._lock:
            while self._drafts:
                if self.error is not None:
                    raise self.error
                drafts, checkpoints = self._batch()
                try:
                    last = store.append_now(self._run_id, drafts, checkpoints, self.lease)
                except StoreError as error:
                    self.error = error
                    raise
                self._wrote(drafts, last)

    async def _write_all(self) -> None:
        self._writing = True
        try:
            while self._drafts:
                drafts, checkpoints = self._batch()
                self._wrote(drafts, await self._append(drafts, checkpoints))
                self._tell_waiters()
        except StoreError as error:
            self.error = error
            self._tell_waiters()
            raise
        finally:
            self._writing = False

    def _batch(self) -> tuple[list[Draft], list[Checkpoint]]:
        """Some `BATCH` events, but never a checkpoint cut off from the events it was committed with.

        A commit's own events are the last before its position, so a cut just behind a checkpoint's position, or
        before the first one, parts no commit.
        """
        count = len(self._drafts)
        if count > self.BATCH:
            ends = (position - self._written for position, _ in self._checkpoints)
            count = next((end for end in ends if end >= self.BATCH), count) if self._checkpoints else self.BATCH
        until = self._written + count
        checkpoints: list[Checkpoint] = []
        while self._checkpoints and self._checkpoints[0][0] <= until:
            checkpoints.append(self._checkpoints.popleft()[1])
        return [self._drafts.popleft() for _ in range(count)], checkpoints

    def _wrote(self, drafts: Sequence[Draft], last: int) -> None:
        self._written += len(drafts)
        if self._sinks:
            self._sinks.write(stamp(self._run_id, last - len(drafts), drafts))

    async def _append(self, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint]) -> int:
        loop = asyncio.get_running_loop()
        start, pause = loop.time(), 0.05
        while True:
            try:
                return await self._store.append(self._run_id, drafts, checkpoints=checkpoints, lease=self.lease)
            except StoreUnavailableError:
                if loop.time() + pause - start > self._timeout:
                    raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)

    def _tell_waiters(self) -> None:
        while self._waiters and (self.error is not None or self._waiters[0][0] <= self._written):
            _, turn = self._waiters.popleft()
            if turn.done():
                continue
            if self.error is not None:
                turn.set_exception(self.error)
            else:
                turn.set_result(None)
