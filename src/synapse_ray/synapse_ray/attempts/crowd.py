"""Waiting for what many tasks come to: `Crowd`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import lru_cache, partial
from typing import Any

from synapse_ray.attempts.sitter import Sitter, value_of

Call = Callable[[Any], None]

_FEW = 16
"""How many references at most are waited for one by one. Ray's own callbacks are dear for many: each wants the
interpreter for Ray's own thread, and while that waits for it no worker gets its next task."""

_ROUND = 0.002
_MORE = 2e-5
_EACH = 8e-4
_LONGEST = 0.1
"""Seconds between two looks at many references; how many more for each of them, and for each that had come at the last
look: about what whoever is told needs for it, so that where they come fast many are told, and stored, together."""


class Crowd:
    """Tells loops what references of Ray came to: the value, or the error in its place.

    A few are waited for one by one: by a thread that waits for a single one, and by Ray's own callbacks for the others
    there are at the same time. Many are looked at together, by one thread, a few hundred times a second: that takes
    half of the time that Ray's callbacks take, and wakes a loop once for all that have come. Nobody waits for a few
    before it is known that they are, when all are submitted that are submitted in a row: callbacks for the first of
    many would hold up the submission of the others, and workers that find nothing more to do are given back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._coming: dict[asyncio.AbstractEventLoop, list[tuple[Any, Call]]] = {}
        self._alone = 0
        self._sitter = Sitter()
        self._new: list[tuple[Any, asyncio.AbstractEventLoop, Call]] = []
        self._thread: threading.Thread | None = None

    def wait_for(self, ref: Any, loop: asyncio.AbstractEventLoop, call: Call) -> None:
        """Have ``call`` called on ``loop``, which is the running one, with what the reference comes to."""
        with self._lock:
            if self._thread is not None:
                self._new.append((ref, loop, call))
                return
            coming = self._coming.get(loop)
            if coming is None:
                coming = self._coming[loop] = []
                loop.call_soon(self._begin, loop)
            coming.append((ref, call))
            if self._alone + len(coming) > _FEW:
                self._new += [(ref, loop, call) for ref, call in coming]
                coming.clear()
                self._thread = threading.Thread(target=self._look, name="synapse-crowd", daemon=True)
                self._thread.start()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for those that were submitted in a row, as they are few."""
        with self._lock:
            coming = self._coming.pop(loop)
            self._alone += len(coming)
        for ref, call in coming:
            come = partial(self._came, loop, call)
            if not self._sitter.take(ref, come):
                ref.future().add_done_callback(lambda done, come=come: come(_result(done)))

    def _came(self, loop: asyncio.AbstractEventLoop, call: Call, value: Any) -> None:
        with self._lock:
            self._alone -= 1
        _tell(loop, [(call, value)])

    def _look(self) -> None:
        waiting: dict[Any, tuple[asyncio.AbstractEventLoop, Call]] = {}
        ready: list[Any] = []
        while True:
            with self._lock:
                waiting.update({ref: (loop, call) for ref, loop, call in self._new})
                self._new.clear()
                if not waiting:
                    self._thread = None
                    return
            ready, values = _ready(list(waiting), len(ready))
            tidings: dict[asyncio.AbstractEventLoop, list[tuple[Call, Any]]] = {}
            for ref, value in zip(ready, values, strict=True):
                loop, call = waiting.pop(ref)
                tidings.setdefault(loop, []).append((call, value))
            for loop, told in tidings.items():
                _tell(loop, told)


@lru_cache(maxsize=1)
def crowd() -> Crowd:
    """The one of this process."""
    return Crowd()


def _ready(refs: list[Any], before: int) -> tuple[list[Any], Sequence[Any]]:
    """Those that have come to something, and what to; waits a little, longer for many: a look at them costs more."""
    import ray

    pause = min(_ROUND + _MORE * len(refs) + _EACH * before, _LONGEST)
    found = value_of(partial(ray.wait, refs, num_returns=len(refs), timeout=pause))
    if isinstance(found, BaseException):  # Ray was left, or a server of Ray Client is gone
        return refs, [found] * len(refs)
    ready = found[0]
    values = value_of(partial(ray.get, ready))
    if isinstance(values, BaseException):  # one or more of them failed: which?
        values = [value_of(partial(ray.get, ref)) for ref in ready]
    return ready, values


def _result(done: Future[Any]) -> Any:
    error = done.exception()
    return done.result() if error is None else error


def _tell(loop: asyncio.AbstractEventLoop, told: list[tuple[Call, Any]]) -> None:
    try:
        loop.call_soon_threadsafe(_call, told)
    except RuntimeError:  # the loop was closed: nobody waits any more
        return


def _call(told: list[tuple[Call, Any]]) -> None:
    for call, value in told:
        call(value)
