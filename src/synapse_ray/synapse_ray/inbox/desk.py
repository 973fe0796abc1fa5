"""The one that takes reports, in the actor's process: `Desk`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

from attrs import define, field

from synapse_ray.inbox.protocol import Beat
from synapse_ray.worker.order import Batch

Stop = tuple[str, float]
"""Why an attempt is to stop, and within how many seconds."""

_HELD = 2.0
"""Seconds that a beat is left unanswered, so that a stop reaches its worker at once: also how often beats come."""

_UNKNOWN: Stop = ("nobody waits for this attempt any more", 5.0)


@define(eq=False)
class _Box:
    stop: Stop | None = None
    told: Stop | None = None
    waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = field(factory=list)


class Desk:
    """Takes the messages of workers, and answers them with a stop where one is asked for. Safe from any thread.

    Args:
        take: is given the reports, and the attempt's key.
        heard: is given the beats, and the key.
        opens: whether a key that was never opened is taken for a new attempt's; its worker is told to stop otherwise.
    """

    def __init__(
        self, take: Callable[[str, Sequence[Batch]], None], heard: Callable[[str, Beat], None], *, opens: bool = False
    ) -> None:
        self._take = take
        self._heard = heard
        self._opens = opens
        self._lock = threading.Lock()
        self._boxes: dict[str, _Box] = {}

    def open(self, key: str) -> None:
        """Messages of this attempt are expected."""
        with self._lock:
            self._boxes.setdefault(key, _Box())

    def close(self, key: str) -> None:
        """None are any more; one that waits is answered."""
        with self._lock:
            box = self._boxes.pop(key, None)
        if box is not None:
            _answer(box)

    def ask_stop(self, key: str, reason: str, grace: float) -> None:
        """Have the attempt's worker stop it; a message that waits is answered now."""
        with self._lock:
            box = self._box(key)
            if box is None:
                return
            box.stop = (reason, grace if box.stop is None else min(grace, box.stop[1]))
        _answer(box)

    def report(self, key: str, batches: Sequence[Batch]) -> Stop | tuple[()]:
        """Take reports; when this returns they are in the engine's hands. The answer: a stop, or ()."""
        with self._lock:
            box = self._box(key)
        if box is None:
            return _UNKNOWN
        self._take(key, batches)
        return box.stop or ()

    async def beat(self, key: str, pid: int, node: str, age: float) -> Stop | tuple[()]:
        """Take a sign of life, and answer when there is something to heed, or else after a while."""
        with self._lock:
            box = self._box(key)
        if box is None:
            return _UNKNOWN
        self._heard(key, Beat(pid, node, age))
        loop = asyncio.get_running_loop()
        called = loop.create_future()
        box.waiting.append((loop, called))
        if box.stop == box.told:  # else there is something to heed already
            await asyncio.wait([called], timeout=_HELD)
        box.waiting.remove((loop, called))
        box.told = box.stop
        return box.stop or ()

    def _box(self, key: str) -> _Box | None:
        if self._opens:
            return self._boxes.setdefault(key, _Box())
        return self._boxes.get(key)


def _answer(box: _Box) -> None:
    for loop, called in list(box.waiting):
        loop.call_soon_threadsafe(_set, called)


def _set(called: asyncio.Future[None]) -> None:
    if not called.done():
        called.set_result(None)
