"""The driver's side of jobs: `Following`, which submits those of one lane and hears of their ends; and `ask`."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Mapping
from time import monotonic
from typing import Any

from synapse_core.models import Failure
from synapse_core.protocols import Outcome
from synapse_ray.attempts.keeper import Batch, Lane, News, find_keeper, make_keeper
from synapse_ray.worker.order import Head

_ASKS = 5.0
"""Seconds that one question at the keeper waits for a job's end."""


class Following:
    """Submits jobs, many in one message where they come fast, and is told of their ends, many in one message.

    Args:
        lane: what they have in common.
        runtime_env: of the keeper, where it must be started.
    """

    def __init__(self, lane: Lane, runtime_env: Mapping[str, Any]) -> None:
        self._lane = lane
        self._runtime_env = runtime_env
        self._changed = threading.Condition()
        self._waiting: list[tuple[str, str, bytes]] = []
        self._open: set[str] = set()
        self._heads: dict[str, Head | None] = {}
        self._closed = False
        self._keeper: Any = None
        self._under_way: Any = None  # a thread that lets go of a reference while Ray is left has Ray end the process
        self._asked: Any = None
        for work in (self._send, self._listen):
            threading.Thread(target=work, name="synapse-jobs", daemon=True).start()

    def submit(self, job_id: str, action: str, order: bytes) -> None:
        """Have a job submitted, soon: a packed order, of an action of that name."""
        with self._changed:
            self._waiting.append((job_id, action, order))
            self._open.add(job_id)
            if len(self._waiting) == 1:  # else who sends is at work, and looks again; waking it costs more than this
                self._changed.notify_all()

    def has(self, job_id: str) -> bool:
        """Whether the job was submitted here."""
        return job_id in self._open or job_id in self._heads

    def sent(self, job_id: str) -> None:
        """Wait until the keeper knows of the job."""
        with self._changed:
            self._changed.wait_for(lambda: all(waiting != job_id for waiting, *_ in self._waiting))

    def wait(self, job_id: str, timeout: float | None) -> Head | None:
        """How the job ended; None if it has not within ``timeout`` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: job_id in self._heads, timeout):
                return None
            head = self._heads[job_id]
        if head is None:  # a large one, which is not told unasked
            _, packed = ask(job_id, timeout)
            head = self._lost() if packed is None else Head.unpack(packed)
        return head

    def close(self) -> None:
        """Submit what waits, and listen no more."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting, _ASKS)
            self._closed = True
            self._changed.notify_all()

    # -- the threads ------------------------------------------------------------------------------------------

    def _send(self) -> None:
        while self._wanted(lambda: self._waiting):
            batch = list(self._waiting)
            try:
                taken = self._submitted(batch)
            except Exception as error:  # noqa: BLE001  no keeper can be had: that is how these jobs ended
                self._failed([job_id for job_id, *_ in batch], str(error))
                taken = []
            self._failed(taken, "there is a job of that id on the cluster already")
            with self._changed:
                del self._waiting[: len(batch)]
                self._changed.notify_all()

    def _submitted(self, jobs: list[tuple[str, str, bytes]]) -> list[str]:
        from ray.exceptions import RayActorError

        packed = Batch(self._lane, jobs).pack()
        for last in (False, True):
            keeper = self._keeper = self._keeper or make_keeper(self._runtime_env)
            self._under_way = keeper.submit.remote(packed)
            try:
                taken: list[str] = self._under_way.future().result()
                return taken
            except RayActorError:  # it has just left, having nothing to keep
                self._keeper = None
                if last:
                    raise
        raise AssertionError("the second round returns or raises")

    def _listen(self) -> None:
        from ray.exceptions import RayError

        after = 0
        while self._wanted(lambda: self._keeper is not None and len(self._open) > len(self._waiting)):
            keeper = self._keeper
            if keeper is None:
                continue
            try:
                self._asked = keeper.follow.remote(self._lane.name, after)
                news: list[News] = pickle.loads(self._asked.future().result())  # noqa: S301  our own actor's
            except RayError as error:
                self._failed(sorted(self._open), f"the actor that looks after jobs died: {error}")
                continue
            after = news[-1][0] if news else after
            self._take({job_id: None if packed is None else Head.unpack(packed) for _, job_id, packed in news})

    def _wanted(self, there_is: Any) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: there_is() or self._closed)
            return not self._closed

    def _take(self, heads: Mapping[str, Head | None]) -> None:
        with self._changed:
            self._heads.update(heads)
            self._open.difference_update(heads)
            self._changed.notify_all()

    def _failed(self, job_ids: list[str], why: str) -> None:
        if job_ids:
            self._take(dict.fromkeys(job_ids, self._lost(why)))

    @staticmethod
    def _lost(why: str = "the actor that looks after jobs died") -> Head:
        kind = "WorkerDiedError"
        return Head(Outcome("died", failure=Failure(kind, why), kinds=(kind,)), 0, [])


def ask(job_id: str, timeout: float | None) -> tuple[bool, bytes | None]:
    """Whether the cluster knows a job of that id, and its packed `Head`, for which it waits so long.

    Args:
        job_id: the job's id.
        timeout: seconds; without end, if None.
    """
    import ray
    from ray.exceptions import RayActorError

    until = None if timeout is None else monotonic() + timeout
    while True:
        keeper = find_keeper()
        if keeper is None:
            return False, None
        seconds = _ASKS if until is None else min(_ASKS, max(0.0, until - monotonic()))
        try:
            known, packed = ray.get(keeper.ask.remote(job_id, seconds))
        except RayActorError:
            return False, None
        if not known or packed is not None or (until is not None and monotonic() >= until):
            return known, packed
