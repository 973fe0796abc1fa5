"""Waiting for one task's end, where there is but one to wait for: `Sitter`."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

_IDLE = 10.0
"""Seconds without a reference after which the thread ends."""


class Sitter:
    """Waits for one reference at a time, in a thread that does nothing else.

    That tells of an end some 0.2 ms sooner than Ray's callbacks do, which matters where actions run one after another.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[tuple[Any, Callable[[Any], None]]] = queue.SimpleQueue()
        self._busy = False
        self._thread: threading.Thread | None = None

    def take(self, ref: Any, call: Callable[[Any], None]) -> bool:
        """Have ``call`` called, in the thread, with what the reference comes to; False where it waits for another."""
        with self._lock:
            if self._busy:
                return False
            self._busy = True
            self._queue.put((ref, call))
            if self._thread is None:
                self._thread = threading.Thread(target=self._sit, name="synapse-sitter", daemon=True)
                self._thread.start()
            return True

    def _sit(self) -> None:
        import ray

        while True:
            try:
                ref, call = self._queue.get(timeout=_IDLE)
            except queue.Empty:
                with self._lock:
                    if self._busy:
                        continue
                    self._thread = None
                    return
            value = value_of(partial(ray.get, ref))
            del ref  # Ray may be left while the thread waits for the next
            with self._lock:
                self._busy = False
            call(value)
            del call, value


def value_of(ask: Callable[[], Any]) -> Any:
    """What Ray answers, or the error in its place; also where this process has left Ray, or does so meanwhile."""
    import ray

    try:
        if ray.is_initialized():  # else whatever is asked would start a Ray of its own
            return ask()
    except Exception as error:  # noqa: BLE001  it stands for the value
        return error
    except SystemExit:  # so Ray tells threads that wait when it is left
        pass
    return ConnectionError("this process has left Ray before the task had ended")
