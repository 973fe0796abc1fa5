"""The inbox of an engine that a driver hosts: the actor `Mailbox`, and the driver's side of it, `MailboxInbox`."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from collections import deque
from collections.abc import Sequence
from typing import Any

from synapse_ray.inbox.desk import Desk, Stop
from synapse_ray.inbox.protocol import Beat, Listener
from synapse_ray.names import NAMESPACE
from synapse_ray.priority import go_first
from synapse_ray.worker.order import Batch

Note = tuple[int, str, Sequence[Batch], Beat | None]
"""What came for an attempt: its number in the mailbox, the attempt's key, reports or a beat."""

_HELD = 5.0
"""Seconds that a driver's question is left unanswered while nothing comes."""

_SHORT = 0.15
"""Seconds that an attempt runs before a mailbox is made for it: short ones report with their outcome."""

_GATHERED = 0.03
"""Seconds that notes are gathered in, so that many workers are not as many messages to the driver."""

_STARTS = 10.0
"""Seconds that the actor has to start, where it is only made to stop an attempt."""

_AT_ONCE = 100_000

_PATIENCE = 30.0
"""Seconds that the driver's thread waits for another attempt."""


class Mailbox:
    """An actor that keeps what workers report until the driver has it."""

    def __init__(self) -> None:
        go_first()
        self._desk = Desk(self._take, self._heard, opens=True)
        self._born = uuid.uuid4().hex
        self._notes: deque[Note] = deque()
        self._last = 0
        self._came = asyncio.Event()

    async def report(self, key: str, batches: Sequence[Batch]) -> Stop | tuple[()]:
        """See `Desk.report`."""
        return self._desk.report(key, batches)

    async def beat(self, key: str, pid: int, node: str, age: float) -> Stop | tuple[()]:
        """See `Desk.beat`."""
        return await self._desk.beat(key, pid, node, age)

    async def ask_stop(self, key: str, reason: str, grace: float) -> None:
        """See `Desk.ask_stop`."""
        self._desk.ask_stop(key, reason, grace)

    async def fetch(self, born: str, after: int, closed: Sequence[str]) -> tuple[str, list[Note]]:
        """What came after the note of that number; waits a while where there is nothing.

        Args:
            born: what the last answer began with: the actor may have been started anew since, and count from 1 again.
            after: the number of the last note that the driver has; up to it they are forgotten.
            closed: attempts that nothing more is to be kept of.
        """
        for key in closed:
            self._desk.close(key)
        while born == self._born and self._notes and self._notes[0][0] <= after:
            self._notes.popleft()
        if not self._notes:
            self._came.clear()
            try:
                await asyncio.wait_for(self._came.wait(), _HELD)
            except TimeoutError:
                return self._born, []
            await asyncio.sleep(_GATHERED)
        return self._born, list(self._notes)

    def _take(self, key: str, batches: Sequence[Batch]) -> None:
        self._note(key, batches, None)

    def _heard(self, key: str, beat: Beat) -> None:
        self._note(key, (), beat)

    def _note(self, key: str, batches: Sequence[Batch], beat: Beat | None) -> None:
        self._last += 1
        self._notes.append((self._last, key, batches, beat))
        self._came.set()


class MailboxInbox:
    """An `Inbox` for an engine in this process, over an actor that is made when there is something to report.

    The actor takes no core of the cluster, is this driver's own, and goes with it.
    """

    def __init__(self) -> None:
        self.name = f"synapse-mailbox-{uuid.uuid4().hex}"
        self._lock = threading.Lock()
        self._listeners: dict[str, Listener] = {}
        self._closed: list[str] = []
        self._opened = threading.Event()
        self._urgent = threading.Event()
        self._over = False
        self._actor: Any = None
        self._asked: Any = None
        self._thread: threading.Thread | None = None

    def open(self, key: str, listener: Listener) -> None:
        """See `Inbox.open`."""
        with self._lock:
            self._listeners[key] = listener
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, name="synapse-mailbox", daemon=True)
                self._thread.start()
        if not self._opened.is_set():
            self._opened.set()

    def close(self, key: str) -> None:
        """See `Inbox.close`."""
        with self._lock:
            self._listeners.pop(key, None)
            if self._actor is not None:
                self._closed.append(key)

    def ask_stop(self, key: str, reason: str, grace: float) -> None:
        """See `Inbox.ask_stop`; the actor is made if it is not there yet, and waited for."""
        asked = self._made().ask_stop.remote(key, reason, grace)
        self._urgent.set()
        with contextlib.suppress(TimeoutError):
            asked.future().result(_STARTS)

    async def aclose(self) -> None:
        """End the actor."""
        await asyncio.to_thread(self.end)

    def end(self) -> None:
        """As `aclose`, from anywhere."""
        with self._lock:
            self._over = True
            actor, thread = self._actor, self._thread
        self._opened.set()
        self._urgent.set()
        if actor is not None:
            _end(actor)
        if thread is not None:
            thread.join(_HELD)

    # -- following --------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Take what comes, until nothing is to come for long."""
        born, after = "", 0
        while self._wanted():
            if not self._lasts():
                continue
            closed, self._closed = self._closed, []
            try:
                born, notes = self._fetch(born, after, closed)
            except Exception:  # noqa: BLE001  the actor died, with its node: Ray starts it anew, and it is empty
                self._opened.clear()
                self._opened.wait(_SHORT)
                continue
            after = notes[-1][0] if notes else after
            for _, key, batches, beat in notes:
                self._tell(key, batches, beat)

    def _wanted(self) -> bool:
        """Wait until an attempt is open; whether there is one."""
        self._opened.clear()
        if not self._listeners and not self._over:
            self._opened.wait(_PATIENCE)
        with self._lock:
            wanted = bool(self._listeners) and not self._over
            if not wanted:
                self._thread = None
            return wanted

    def _lasts(self) -> bool:
        """Whether there is an actor, or an attempt that is worth one and a cluster to make it on."""
        if self._actor is not None:
            return True
        keys = set(self._listeners)
        self._urgent.wait(_SHORT)
        if not _is_connected():
            self._opened.wait(_SHORT)
            return False
        return not keys.isdisjoint(self._listeners)

    def _fetch(self, born: str, after: int, closed: Sequence[str]) -> tuple[str, list[Note]]:
        # Neither `ray.get` nor a reference that is let go of here when this fails: a thread that does so while this
        # process leaves the cluster has Ray end the process.
        self._asked = self._made().fetch.remote(born, after, closed)
        answer: tuple[str, list[Note]] = self._asked.future().result()
        return answer

    def _tell(self, key: str, batches: Sequence[Batch], beat: Beat | None) -> None:
        listener = self._listeners.get(key)
        if listener is None:
            return
        if batches:
            listener.take(batches)
        if beat is not None:
            listener.heard(beat)

    def _made(self) -> Any:
        with self._lock:
            if self._actor is None:
                self._actor = _make(self.name)
            return self._actor


def _is_connected() -> bool:
    """Whether this process has its cluster: asked for an actor before, Ray starts another one by itself."""
    import ray

    return bool(ray.is_initialized())


def _make(name: str) -> Any:
    import ray

    options: dict[str, Any] = {"name": name, "namespace": NAMESPACE, "num_cpus": 0, "max_restarts": -1}
    return ray.remote(Mailbox).options(**options, max_concurrency=_AT_ONCE).remote()


def _end(actor: Any) -> None:
    import ray

    if ray.is_initialized():
        with contextlib.suppress(Exception):  # the cluster may be gone
            ray.kill(actor)
