"""How a run is told to its store and sinks: `Recorder`, one writer that commits groups, in order."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

from synapse_core.engine.fitting import is_direct
from synapse_core.engine.patience import patiently, patiently_now
from synapse_core.engine.sinks import Sinks
from synapse_core.engine.telling import Teller
from synapse_core.errors import StoreError, StoreUnavailableError
from synapse_core.events import Draft, Kind
from synapse_core.models import Checkpoint
from synapse_core.protocols import DirectStore, Lease, Store

_LOSSLESS = frozenset({Kind.ACTION_LOG, Kind.ACTION_METRICS, Kind.ACTION_MESSAGE, Kind.ACTION_CHECKPOINT})


class Recorder:
    """Writes one run's events in the order they were posted.

    `post` is for what need not be waited for; it rides with the next write. `commit` returns when its events, and
    all before them, are durable. Whoever commits while nobody writes becomes the writer, and takes along what the
    others have queued, so that concurrent commits share transactions.

    A store that is away is tried again until ``timeout`` seconds have passed; then, and on any other error of the
    store, the recorder is broken: ``error`` says why, and nothing is written any more.
    """

    BATCH = 5_000
    FEW = 100

    def __init__(self, store: Store, run_id: str, sinks: Sinks, timeout: float) -> None:
        self.lease: Lease | None = None
        self.error: StoreError | None = None
        self._store = store
        self._direct = store if is_direct(store) else None
        self._queue = threading.Lock()  # held for an instant: the threads of actions post, too
        self._turn = threading.Lock()  # held while writing
        self._run_id = run_id
        self._teller = Teller(store, run_id, sinks)
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

    @property
    def idle(self) -> bool:
        """Whether a flush would do nothing."""
        return not self._drafts and self.error is None and not self._teller.behind

    def heard(self, seq: int) -> None:
        """The store has the event of that number by another's hand: with the next flush the sinks are told it."""
        self._teller.heard(seq)

    def post(self, drafts: Sequence[Draft], checkpoint: Checkpoint | None = None) -> None:
        """Have ``drafts`` written with the next commit or flush."""
        with self._queue:
            self._drafts.extend(drafts)
            self._posted += len(drafts)
            if checkpoint is not None:
                self._checkpoints.append((self._posted, checkpoint))

    async def commit(
        self, drafts: Sequence[Draft], checkpoint: Checkpoint | None = None, *, here: bool = False
    ) -> None:
        """Write ``drafts``, and the checkpoint in the same transaction, and wait until they are durable.

        Args:
            drafts: what is to be written.
            checkpoint: as well.
            here: write on this loop, if that can be done now. Nothing is quicker, and nothing else goes on meanwhile:
                for whoever is alone here, and would only wait.

        Raises:
            StoreError: they could not be written.
        """
        self.post(drafts, checkpoint)
        if here:
            self._write_here()
        await self.flush()

    def commit_now(self, drafts: Sequence[Draft], checkpoint: Checkpoint | None = None) -> bool:
        """As `commit`, from the thread of an action; False, and nothing done, where the store cannot be written so.

        Raises:
            StoreError: they could not be written.
        """
        if self._direct is None:
            return False
        self.post(drafts, checkpoint)
        with self._turn:
            self._write_now(self._direct, self._timeout)
        return True

    async def flush(self) -> None:
        """Write all that was posted so far.

        Raises:
            StoreError: it could not be written.
        """
        if self.error is not None:
            raise self.error
        if self._direct is not None and not self._direct.waits:
            with self._turn:
                self._write_now(self._direct, self._timeout)
        elif self._written == self._posted:
            pass  # by another's hand, or here
        elif not self._writing:
            await self._write_all()
        else:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((self._posted, turn))
            await turn
        if self._teller.behind:
            await self._teller.catch_up()

    async def reported(self, action: str, attempt: int) -> int:
        """How many lossless reports of an attempt the store has, of this engine's or one before it."""
        count = after = 0
        while events := await self._store.read(self._run_id, after=after, kinds=_LOSSLESS, action=action):
            count += sum(event.attempt == attempt for event in events)
            after = events[-1].seq
        return count

    # -- writing ----------------------------------------------------------------------------------------------

    def _write_here(self) -> None:
        """Write, unless somebody else does, or it is much; a store that is away is left to who can wait for it."""
        if self._direct is None or self.backlog > self.FEW or not self._turn.acquire(blocking=False):
            return
        try:
            with suppress(StoreUnavailableError):
                self._write_now(self._direct, 0.0)
        finally:
            self._turn.release()

    def _write_now(self, store: DirectStore, patience: float) -> None:
        try:
            while self._drafts:
                if self.error is not None:
                    raise self.error
                drafts, checkpoints = self._batch()
                self._wrote(drafts, checkpoints, self._append_now(store, drafts, checkpoints, patience))
        except StoreError as error:
            if patience or not isinstance(error, StoreUnavailableError):
                self.error = error
            raise

    def _append_now(
        self, store: DirectStore, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint], patience: float
    ) -> int:
        return patiently_now(lambda: store.append_now(self._run_id, drafts, checkpoints, self.lease), patience)

    async def _write_all(self) -> None:
        self._writing = True
        if not self._turn.acquire(blocking=False):
            await asyncio.to_thread(self._turn.acquire)
        try:
            while self._drafts:
                drafts, checkpoints = self._batch()
                self._wrote(drafts, checkpoints, await self._append(drafts, checkpoints))
                self._tell_waiters()
            self._tell_waiters()  # a thread may have written for them
        except StoreError as error:
            self.error = error
            self._tell_waiters()
            raise
        finally:
            self._turn.release()
            self._writing = False

    async def _append(self, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint]) -> int:
        return await patiently(
            lambda: self._store.append(self._run_id, drafts, checkpoints=checkpoints, lease=self.lease),
            self._timeout,
        )

    def _batch(self) -> tuple[list[Draft], list[Checkpoint]]:
        """Some `BATCH` events, but never a checkpoint cut off from the events it was committed with.

        A commit's own events are the last before its position, so a cut just behind a checkpoint's position, or
        before the first one, parts no commit. What is written stays in the queue until it is.
        """
        with self._queue:
            count = len(self._drafts)
            if count > self.BATCH:
                ends = (position - self._written for position, _ in self._checkpoints)
                count = next((end for end in ends if end >= self.BATCH), count) if self._checkpoints else self.BATCH
            until = self._written + count
            checkpoints = [checkpoint for position, checkpoint in self._checkpoints if position <= until]
            return list(islice(self._drafts, count)), checkpoints

    def _wrote(self, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint], last: int) -> None:
        with self._queue:
            for _ in drafts:
                self._drafts.popleft()
            for _ in checkpoints:
                self._checkpoints.popleft()
            self._written += len(drafts)
        self._teller.wrote(drafts, last)

    def _tell_waiters(self) -> None:
        while self._waiters and (self.error is not None or self._waiters[0][0] <= self._written):
            _, turn = self._waiters.popleft()
            if turn.done():
                continue
            if self.error is not None:
                turn.set_exception(self.error)
            else:
                turn.set_result(None)
